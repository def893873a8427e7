//! A use case at work: it asks the policies, changes rows, and what it did is recorded, all in one transaction.
//!
//! [`Platform::change`] and [`Platform::look`] refuse what did not ask: a use case that forgets its policy does nothing.

use std::sync::{Arc, Mutex, PoisonError};

use auth::policy::{Decision, Engine as Policies, Receipt, Request, Resource};
use auth::{Action, Caller, Principal};
use domain::{EventId, OperationId, ReceiptId, Timestamp};
use governance::{Actor, NewEntry, Outcome, Subject};
use serde_json::{Value, json};
use store::{NewEvent, ReceiptRecord, StoreError, TenantTx};

use crate::events::noted;
use crate::operations::{self, Operation};
use crate::{AppError, Desk, Platform, audit};

/// Where a request comes from, for the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The id of the request, which its answer names.
    pub request_id: Option<String>,
    /// The trace that the request belongs to, as in W3C Trace Context: 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

/// A decision of this use case, kept even if the transaction is undone.
struct Decided {
    receipt: ReceiptId,
    request: Request,
    decision: Decision,
}

/// What both kinds of use cases can do.
struct Asker<'a> {
    caller: &'a Caller,
    policies: &'a Policies,
    now: Timestamp,
    ids: fn() -> [u8; 10],
    decided: &'a Mutex<Vec<Decided>>,
}

impl Asker<'_> {
    fn may(&self, action: Action, resource: Resource) -> Result<(), AppError> {
        let request = Request::new(self.caller, action, resource, self.now);
        let decision = self.policies.decide(&request);
        let receipt = ReceiptId::new(self.now, (self.ids)());
        let allow = decision.allow;
        let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.push(Decided { receipt, request, decision });
        if allow { Ok(()) } else { Err(AppError::Denied { action, receipt }) }
    }
}

/// A use case that changes something.
pub struct Office<'t, 'c> {
    /// The rows of the caller's organization.
    pub tx: &'t mut TenantTx<'c>,
    asker: Asker<'t>,
    origin: &'t Origin,
    desk: Desk,
    /// How many decisions have their receipts already.
    kept: usize,
}

impl<'c> Office<'_, 'c> {
    /// Asks the policies whether the caller may do this. Whoever goes on after a refusal has a mistake.
    ///
    /// # Errors
    /// [`AppError::Denied`].
    pub fn may(&self, action: Action, resource: Resource) -> Result<(), AppError> {
        self.asker.may(action, resource)
    }

    /// Who asked.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        self.asker.caller
    }

    /// The moment of this use case.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.asker.now
    }

    /// Ten random bytes, for an id.
    #[must_use]
    pub fn random(&self) -> [u8; 10] {
        (self.asker.ids)()
    }

    /// What a reader of the same rows sees.
    #[must_use]
    pub fn rows(&self) -> &TenantTx<'c> {
        self.tx
    }

    /// Records what was done, in the audit, and tells whoever watches: the event `dev.aamas.{event}` of the subject, with
    /// `data`.
    ///
    /// # Errors
    /// Failures of the store; a damaged audit.
    pub fn did(&mut self, event: &str, subject: (&str, String), data: Value) -> Result<(), AppError> {
        let (kind, id) = subject;
        let caller = self.asker.caller;
        let actor = json!({ "id": caller.id(), "name": caller.principal.name() });
        let event = NewEvent {
            id: EventId::new(self.asker.now, (self.asker.ids)()),
            kind: format!("dev.aamas.{event}"),
            subject: id.clone(),
            data: noted(data.clone(), actor, self.origin),
            at: self.asker.now,
        };
        self.tx.append_event(&event)?;
        self.note(event.kind.trim_start_matches("dev.aamas."), (kind, id), data)
    }

    /// Asks an engine for an operation, with everything else that this use case does.
    ///
    /// # Errors
    /// Failures of the store; a damaged audit.
    pub fn ask(&mut self, operation: &Operation) -> Result<OperationId, AppError> {
        let asked = operations::Asked::new(&self.desk, operation, self.asker.caller.id());
        asked.put(self.tx)?;
        let id = asked.id();
        let detail = json!({ "kind": operation.kind(), "resource": operation.subject() });
        self.note("operation.requested", ("operation", id.to_string()), detail)?;
        Ok(id)
    }

    /// Records what was done in the audit alone.
    ///
    /// # Errors
    /// Failures of the store; a damaged audit.
    pub fn note(&mut self, action: &str, subject: (&str, String), detail: Value) -> Result<(), AppError> {
        self.keep_receipts()?;
        let (kind, id) = subject;
        let entry = NewEntry {
            at: self.asker.now,
            actor: actor_of(self.asker.caller),
            action: action.to_owned(),
            subject: Some(Subject { kind: kind.to_owned(), id }),
            detail: audit::integers_only(detail),
            outcome: Outcome::Done,
            request_id: self.origin.request_id.clone(),
        };
        audit::record(self.tx, &entry)?;
        Ok(())
    }

    /// Keeps the receipts of the decisions since the last time; how many.
    fn keep_receipts(&mut self) -> Result<usize, AppError> {
        let Asker { policies, decided, .. } = self.asker;
        let decided = decided.lock().unwrap_or_else(PoisonError::into_inner);
        let new = decided.get(self.kept..).unwrap_or_default();
        keep(self.tx, policies, new)?;
        self.kept = decided.len();
        Ok(new.len())
    }
}

/// A use case that only reads.
pub struct Look<'t, 'c> {
    /// The rows of the caller's organization.
    pub tx: &'t TenantTx<'c>,
    asker: Asker<'t>,
}

impl Look<'_, '_> {
    /// Asks the policies whether the caller may read this.
    ///
    /// # Errors
    /// [`AppError::Denied`].
    pub fn may(&self, action: Action, resource: Resource) -> Result<(), AppError> {
        self.asker.may(action, resource)
    }

    /// Who asked.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        self.asker.caller
    }

    /// The moment of this use case.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.asker.now
    }
}

/// How much a use case reads.
#[derive(Clone, Copy, Debug)]
enum Size {
    /// A few rows, whatever is stored.
    Few,
    /// As much as there is.
    Any,
}

impl Platform {
    /// Runs a use case that changes something: what it changes, the receipts of its decisions, its events and its
    /// audit entries are one commit. A refusal undoes everything and leaves a receipt and an audit entry of its own.
    ///
    /// # Errors
    /// Those of the use case; [`AppError::Unasked`].
    pub async fn change<T, F>(&self, caller: &Caller, origin: &Origin, work: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Office<'_, '_>) -> Result<T, AppError> + Send + 'static,
    {
        let policies = self.policies(caller.tenant).await?;
        let decided: Arc<Mutex<Vec<Decided>>> = Arc::default();
        let (now, ids) = (self.now(), self.ids());
        let (who, source, kept) = (caller.clone(), origin.clone(), decided.clone());
        let by = policies.clone();
        let desk = self.desk(caller.tenant);
        let result = self
            .store()
            .transact(caller.tenant, move |tx| {
                let asker = Asker { caller: &who, policies: &by, now, ids, decided: &kept };
                let mut office = Office { tx, asker, origin: &source, desk, kept: 0 };
                let done = work(&mut office)?;
                let loose = office.keep_receipts()? > 0;
                if office.kept == 0 { Err(AppError::Unasked) } else { Ok((done, loose)) }
            })
            .await;
        let result = result.map(|(done, loose)| {
            if loose {
                self.bind_receipts_later(caller.tenant);
            }
            done
        });
        match result {
            Err(AppError::Denied { action, receipt }) => {
                self.keep_refusal(caller, origin, &policies, take(&decided)).await?;
                Err(AppError::Denied { action, receipt })
            }
            other => {
                self.ring();
                other
            }
        }
    }

    /// Runs a use case that only reads, on one snapshot. Plain reads are counted; refusals and reads of what protects
    /// others leave receipts.
    ///
    /// # Errors
    /// Those of the use case; [`AppError::Unasked`].
    pub async fn look<T, F>(&self, caller: &Caller, origin: &Origin, read: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&Look<'_, '_>) -> Result<T, AppError> + Send + 'static,
    {
        self.read(caller, origin, Size::Any, read).await
    }

    /// [`Platform::look`] at a few rows by their keys, or at a short page of them.
    ///
    /// # Errors
    /// As [`Platform::look`].
    pub async fn glance<T, F>(&self, caller: &Caller, origin: &Origin, read: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&Look<'_, '_>) -> Result<T, AppError> + Send + 'static,
    {
        self.read(caller, origin, Size::Few, read).await
    }

    /// [`Platform::glance`] if it is known to be `short`, else [`Platform::look`].
    ///
    /// # Errors
    /// As [`Platform::look`].
    pub(crate) async fn browse<T, F>(
        &self,
        caller: &Caller,
        origin: &Origin,
        short: bool,
        read: F,
    ) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&Look<'_, '_>) -> Result<T, AppError> + Send + 'static,
    {
        let size = if short { Size::Few } else { Size::Any };
        self.read(caller, origin, size, read).await
    }

    async fn read<T, F>(&self, caller: &Caller, origin: &Origin, size: Size, read: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&Look<'_, '_>) -> Result<T, AppError> + Send + 'static,
    {
        let policies = self.policies(caller.tenant).await?;
        let decided: Arc<Mutex<Vec<Decided>>> = Arc::default();
        let (now, ids) = (self.now(), self.ids());
        let (who, kept, by) = (caller.clone(), decided.clone(), policies.clone());
        let look = move |tx: &TenantTx<'_>| {
            let asker = Asker { caller: &who, policies: &by, now, ids, decided: &kept };
            Ok(read(&Look { tx, asker }))
        };
        let result = match size {
            Size::Few => self.store().glance(caller.tenant, look).await?,
            Size::Any => self.store().read(caller.tenant, look).await?,
        };
        let decided = take(&decided);
        if decided.is_empty() && result.is_ok() {
            return Err(AppError::Unasked);
        }
        let refused = matches!(result, Err(AppError::Denied { .. }));
        let (kept, counted): (Vec<_>, Vec<_>) =
            decided.into_iter().partition(|d| !d.decision.allow || d.request.action.is_privileged_read());
        for one in counted {
            self.count_read(caller, one.request.action);
        }
        if refused {
            self.keep_refusal(caller, origin, &policies, kept).await?;
        } else if !kept.is_empty() {
            let by = policies.clone();
            self.store().transact(caller.tenant, move |tx| keep(tx, &by, &kept)).await?;
            self.bind_receipts_later(caller.tenant);
        }
        result
    }

    /// The receipts of a use case that was refused, and the refusal in the audit.
    async fn keep_refusal(
        &self,
        caller: &Caller,
        origin: &Origin,
        policies: &Arc<Policies>,
        decided: Vec<Decided>,
    ) -> Result<(), AppError> {
        let (by, actor, request_id) = (policies.clone(), actor_of(caller), origin.request_id.clone());
        let now = self.now();
        self.store()
            .transact(caller.tenant, move |tx| {
                keep(tx, &by, &decided)?;
                let Some(last) = decided.last() else { return Ok(()) };
                let resource = &last.request.resource;
                let entry = NewEntry {
                    at: now,
                    actor,
                    action: last.request.action.as_str().to_owned(),
                    subject: Some(Subject { kind: snake(resource.kind.as_str()), id: resource.id.clone() }),
                    detail: json!({ "receipt_id": last.receipt }),
                    outcome: Outcome::Denied,
                    request_id,
                };
                audit::record(tx, &entry)?;
                Ok(())
            })
            .await
    }
}

fn take(decided: &Mutex<Vec<Decided>>) -> Vec<Decided> {
    std::mem::take(&mut *decided.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Keeps receipts of decisions. The next entry of the audit names them.
fn keep(tx: &mut TenantTx<'_>, policies: &Policies, decided: &[Decided]) -> Result<(), AppError> {
    decided.iter().try_for_each(|one| Ok(tx.add_receipt(&record_of(policies, one)?)?))
}

fn record_of(policies: &Policies, one: &Decided) -> Result<ReceiptRecord, AppError> {
    let receipt = Receipt::new(one.receipt.to_string(), policies, &one.request, &one.decision)
        .map_err(|e| StoreError::Malformed { what: format!("receipt: {e}") })?;
    Ok(ReceiptRecord {
        number: 0,
        id: one.receipt,
        at: receipt.at,
        principal: receipt.principal.clone(),
        action: receipt.action.as_str().to_owned(),
        resource: receipt.resource.clone(),
        decision: if receipt.decision { "allow" } else { "deny" }.to_owned(),
        doc: crate::records::to_doc(&receipt),
    })
}

/// Who a caller is to the audit.
#[must_use]
pub fn actor_of(caller: &Caller) -> Actor {
    let kind = match &caller.principal {
        Principal::User { .. } => "user",
        Principal::Service { kind, .. } => kind,
    };
    Actor {
        kind: kind.to_owned(),
        id: caller.id().to_owned(),
        name: Some(caller.principal.name().to_owned()),
    }
}

/// `PullRequest` as `pull_request`.
fn snake(word: &str) -> String {
    let mut text = String::with_capacity(word.len() + 4);
    for (place, letter) in word.chars().enumerate() {
        if letter.is_ascii_uppercase() && place > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
