//! The registry of agents.

use domain::{AgentId, AgentKind, AgentState, Timestamp};

use crate::error::StoreError;
use crate::sql::agents as sql;
use crate::tenant::{TenantTx, document, values};
use crate::tx::Row;

/// An agent as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentRecord {
    /// Its id.
    pub id: AgentId,
    /// Its place in the registry, from 1; given when it is added.
    pub number: u64,
    /// A name that no other agent of the organization has.
    pub name: String,
    /// What it is for.
    pub kind: AgentKind,
    /// What it knows best; empty: everything.
    pub specialization: String,
    /// What it is doing.
    pub state: AgentState,
    /// When it last gave a sign of life.
    pub last_active: Timestamp,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last saved.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1; signs of life are none.
    pub version: u64,
    /// What the layers above keep about it.
    pub doc: serde_json::Value,
}

impl TenantTx<'_> {
    /// Adds an agent; number and version are the store's to give.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when there is one of this name.
    pub fn insert_agent(&mut self, new: &AgentRecord) -> Result<(), StoreError> {
        let doc = document("agent", &new.doc)?;
        let (name, special) = (new.name.as_str(), new.specialization.as_str());
        let values =
            values![new.id, name, new.kind, special, new.state, new.last_active, new.created_at, doc];
        self.execute(sql::INSERT, values).map(drop)
    }

    /// Saves an agent; the version counts up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::AlreadyExists`] when another one has this name.
    pub fn save_agent(&mut self, agent: &AgentRecord) -> Result<(), StoreError> {
        let doc = document("agent", &agent.doc)?;
        let (name, special) = (agent.name.as_str(), agent.specialization.as_str());
        let values = values![
            agent.id,
            name,
            agent.kind,
            special,
            agent.state,
            agent.last_active,
            agent.updated_at,
            doc
        ];
        match self.execute(sql::SAVE, values)? {
            0 => Err(StoreError::NotFound { what: "agent", id: agent.id.to_string() }),
            _ => Ok(()),
        }
    }

    /// Notes a sign of life, and what the agent is doing; whether there is such an agent.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn beat(&mut self, id: AgentId, state: AgentState, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.execute(sql::BEAT, values![id, state, now])? > 0)
    }

    /// The agent with this id.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn agent(&self, id: AgentId) -> Result<Option<AgentRecord>, StoreError> {
        self.query_one(sql::FIND, values![id], read)
    }

    /// The agent with this name.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn agent_by_name(&self, name: &str) -> Result<Option<AgentRecord>, StoreError> {
        self.query_one(sql::BY_NAME, values![name], read)
    }

    /// The agents behind the one with this number, in the order in which they came.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn agents(&self, after: u64, limit: u32) -> Result<Vec<AgentRecord>, StoreError> {
        self.query(sql::LIST, values![after, limit], read)
    }
}

fn read(row: &mut Row<'_>) -> Result<AgentRecord, StoreError> {
    Ok(AgentRecord {
        id: row.take()?,
        number: row.take()?,
        name: row.take()?,
        kind: row.take()?,
        specialization: row.take()?,
        state: row.take()?,
        last_active: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        version: row.take()?,
        doc: row.take()?,
    })
}
