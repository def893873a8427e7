//! Analytics of agents, velocity, quality and resources, computed from stored facts.
