//! What the machine has to do. Measurements are thousandths of a percent of the whole machine, taken by the server for the
//! installation, not for one organization.

use crate::facts::{Facts, Resource, SampleFact};
use crate::metric::Measured;
use crate::observation::{Observation, Reading, Source};

const PERCENT: f64 = 1e-3;

/// The mean of the measurements: their sum over their number.
pub(crate) fn mean(facts: &Facts, resource: Resource) -> Measured {
    let observations = of(facts, resource).map(|sample| Observation {
        at: sample.at,
        source: Source::Samples(resource),
        part: sample.sum,
        whole: sample.count,
    });
    measured(resource, Reading::Ratio { scale: PERCENT }, observations.collect())
}

/// The newest measurement of the disk: what is used grows, so that a mean would say too little.
pub(crate) fn newest(facts: &Facts) -> Measured {
    let resource = Resource::Storage;
    let observations = of(facts, resource).map(|sample| Observation {
        part: sample.last,
        ..Observation::one(sample.at, Source::Samples(resource))
    });
    measured(resource, Reading::Newest { scale: PERCENT }, observations.collect())
}

fn of(facts: &Facts, resource: Resource) -> impl Iterator<Item = &SampleFact> {
    facts.samples.iter().filter(move |sample| sample.resource == resource)
}

fn measured(resource: Resource, reading: Reading, observations: Vec<Observation>) -> Measured {
    let missing = match resource {
        Resource::Cpu | Resource::Memory | Resource::Storage => {
            "Nothing was measured in this timeframe: a running server measures the machine by itself."
        }
        Resource::Gpu => "This server measured no graphics processor in this timeframe.",
    };
    Measured { reading, observations, basis: (false, false), missing, note: None }
}
