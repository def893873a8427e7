//! A request in Cedar's terms. Names are parsed once, since Cedar's parser costs more than the decision.

use std::collections::{HashMap, HashSet};

use cedar_policy as cedar;
use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};

use super::request::{Request, ResourceKind};
use crate::action::Action;
use crate::caller::Principal;
use crate::role::Role;

/// Types and actions, ready for use.
#[derive(Debug)]
pub(super) struct Names {
    user: EntityTypeName,
    service: EntityTypeName,
    role: EntityTypeName,
    kinds: Vec<EntityTypeName>,
    actions: Vec<(EntityUid, Entity)>,
}

/// A request can't be said in Cedar's terms; with the built-in schema none is known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untranslatable {
    #[error("an attribute cannot be evaluated")]
    Attribute,
    #[error("the thing's parents cannot be resolved")]
    Entities,
    #[error("the circumstances cannot be evaluated")]
    Context,
    #[error("{action} does not apply to a {kind}")]
    Mismatch { action: &'static str, kind: &'static str },
}

impl Names {
    /// All names of the schema.
    ///
    /// # Errors
    /// Never with ours: they are constants.
    pub(super) fn new() -> Result<Self, String> {
        let name = |text: &str| text.parse::<EntityTypeName>().map_err(|error| error.to_string());
        let action = name("Action")?;
        let kinds = ResourceKind::ALL.iter().map(|kind| name(kind.as_str())).collect::<Result<_, _>>()?;
        let entity_of = |one: &Action| {
            let uid = uid(&action, one.as_str());
            let group = uid_set([self::uid(&action, one.group_name())]);
            (uid.clone(), Entity::new_no_attrs(uid, group))
        };
        let actions = Action::ALL.iter().map(entity_of).collect();
        Ok(Self { user: name("User")?, service: name("Service")?, role: name("Role")?, kinds, actions })
    }

    /// The question and the things it speaks of.
    pub(super) fn translate(&self, request: &Request) -> Result<(cedar::Request, Entities), Untranslatable> {
        if !request.resource.kind.takes(request.action) {
            return Err(Untranslatable::Mismatch {
                action: request.action.as_str(),
                kind: request.resource.kind.as_str(),
            });
        }
        let (action, action_entity) = &self.actions[request.action as usize];
        let principal = self.principal(request)?;
        let resource = self.resource(request)?;
        let question = cedar::Request::new(
            principal.uid(),
            action.clone(),
            resource.uid(),
            self.context(request)?,
            None, // our own types are right by construction; a test checks all shapes against the schema
        )
        .map_err(|_| Untranslatable::Context)?;
        let mut entities = vec![principal, action_entity.clone()];
        // A project has the organization as parent, so that what is in it is in the organization too.
        if let Some(project) = &request.resource.project {
            let organization = self.organization(request);
            let project = self.uid_of(ResourceKind::Project, project);
            if project != resource.uid() {
                entities.push(Entity::new_no_attrs(project, uid_set([organization])));
            }
        }
        entities.push(resource);
        let entities = Entities::from_entities(entities, None).map_err(|_| Untranslatable::Entities)?;
        Ok((question, entities))
    }

    fn principal(&self, request: &Request) -> Result<Entity, Untranslatable> {
        let (kind, attributes) = match &request.principal {
            Principal::User { id, email, .. } => (&self.user, [("id", text(id)), ("email", text(email))]),
            Principal::Service { id, kind, .. } => (&self.service, [("id", text(id)), ("kind", text(kind))]),
        };
        let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let role = uid_set([self.role_uid(request.role)]);
        Entity::new(uid(kind, request.principal.id()), attributes, role)
            .map_err(|_| Untranslatable::Attribute)
    }

    fn role_uid(&self, role: Role) -> EntityUid {
        uid(&self.role, role.as_str())
    }

    fn uid_of(&self, kind: ResourceKind, id: &str) -> EntityUid {
        uid(&self.kinds[kind as usize], id)
    }

    fn organization(&self, request: &Request) -> EntityUid {
        self.uid_of(ResourceKind::Organization, &request.resource.tenant.to_string())
    }

    fn resource(&self, request: &Request) -> Result<Entity, Untranslatable> {
        let thing = &request.resource;
        let organization = self.organization(request);
        // The organization is the one that the thing belongs to, whatever its id says; and only what is in a project has one
        // as parent, so that nothing can be put into a token's project by a wrong field.
        let (own, parents) = match thing.kind {
            ResourceKind::Organization => (organization, HashSet::new()),
            ResourceKind::Project => (self.uid_of(thing.kind, &thing.id), uid_set([organization])),
            kind => {
                let project = thing.project.as_deref().map(|id| self.uid_of(ResourceKind::Project, id));
                (self.uid_of(kind, &thing.id), uid_set([organization]).into_iter().chain(project).collect())
            }
        };
        let mut attributes = HashMap::from([
            ("data_class".to_owned(), text(thing.data_class.as_str())),
            ("risk".to_owned(), text(thing.risk.as_str())),
            ("cost".to_owned(), RestrictedExpression::new_long(thing.cost.0)),
            ("own".to_owned(), RestrictedExpression::new_bool(request.is_own())),
        ]);
        let optional = [
            ("owner", thing.owner.as_deref()),
            ("assignee", thing.assignee.as_deref()),
            ("role", thing.role.map(Role::as_str)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                attributes.insert(name.to_owned(), text(value));
            }
        }
        Entity::new(own, attributes, parents).map_err(|_| Untranslatable::Attribute)
    }

    fn context(&self, request: &Request) -> Result<Context, Untranslatable> {
        let (hour, weekday) = hour_and_weekday(request);
        let organization = self.uid_of(ResourceKind::Organization, &request.tenant.to_string());
        let mut pairs = vec![
            ("organization".to_owned(), RestrictedExpression::new_entity_uid(organization)),
            ("mfa".to_owned(), RestrictedExpression::new_bool(request.mfa)),
            ("gives_more".to_owned(), RestrictedExpression::new_bool(request.gives_more())),
            ("hour".to_owned(), RestrictedExpression::new_long(hour)),
            ("weekday".to_owned(), text(weekday)),
        ];
        if let Some(project) = &request.project_scope {
            let project = self.uid_of(ResourceKind::Project, project);
            pairs.push(("project_scope".to_owned(), RestrictedExpression::new_entity_uid(project)));
        }
        Context::from_pairs(pairs).map_err(|_| Untranslatable::Context)
    }
}

/// Hour of the day and day of the week, in UTC. The epoch was a Thursday.
fn hour_and_weekday(request: &Request) -> (i64, &'static str) {
    const DAYS: [&str; 7] = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];
    let hours = request.at.as_millis().div_euclid(3_600_000);
    let day = usize::try_from(hours.div_euclid(24).rem_euclid(7)).unwrap_or(0);
    (hours.rem_euclid(24), DAYS[day])
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn uid_set<const N: usize>(uids: [EntityUid; N]) -> HashSet<EntityUid> {
    uids.into_iter().collect()
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

#[cfg(test)]
mod tests {
    use domain::{TenantId, Timestamp};

    use super::*;
    use crate::policy::engine::schema;
    use crate::policy::request::Resource;

    fn request(principal: Principal, action: Action, resource: Resource) -> Request {
        Request {
            tenant: TenantId::LOCAL,
            principal,
            role: Role::Ci,
            project_scope: None,
            mfa: false,
            action,
            resource,
            at: Timestamp::from_micros(0),
        }
    }

    fn machine() -> Principal {
        Principal::Service { id: "s".into(), name: "s".into(), kind: "ci".into() }
    }

    #[test]
    fn every_question_is_one_of_the_schema() {
        let (names, schema) = (Names::new().expect("names"), schema().expect("a schema"));
        let person = Principal::User { id: "u".into(), name: "u".into(), email: "u@x".into() };
        let everything = |kind| Resource {
            project: Some("p".into()),
            owner: Some("u".into()),
            assignee: Some("u".into()),
            role: Some(Role::Owner),
            gives: Some(Role::Owner),
            ..Resource::new(kind, "x", TenantId::LOCAL)
        };
        for action in Action::ALL.iter().copied() {
            for kind in ResourceKind::ALL.iter().copied().filter(|kind| kind.takes(action)) {
                for resource in [Resource::new(kind, "x", TenantId::LOCAL), everything(kind)] {
                    for principal in [machine(), person.clone()] {
                        let scope = resource.project.clone();
                        let asked =
                            Request { project_scope: scope, ..request(principal, action, resource.clone()) };
                        let (question, entities) = names.translate(&asked).expect("translates");
                        let uids = [question.principal(), question.resource(), question.action()];
                        let [principal, resource, action] = uids.map(|uid| uid.expect("known").clone());
                        let context = question.context().expect("known").clone();
                        let things =
                            [&principal, &resource].map(|uid| entities.get(uid).expect("there").clone());
                        Entities::from_entities(things, Some(&schema)).expect("as in the schema");
                        cedar::Request::new(principal, action, resource, context, Some(&schema))
                            .expect("as in the schema");
                    }
                }
            }
        }
    }

    #[test]
    fn hours_and_days_are_those_of_the_calendar() {
        let cases = [
            (0, (0, "thursday")),
            (-1, (23, "wednesday")),
            (1_763_875_131_000_042, (5, "sunday")), // 2025-11-23T05:18:51Z
            (951_782_400_000_000, (0, "tuesday")),  // 2000-02-29
        ];
        for (micros, want) in cases {
            let thing = Resource::organization(TenantId::LOCAL);
            let asked = request(machine(), Action::RunsRead, thing);
            assert_eq!(hour_and_weekday(&Request { at: Timestamp::from_micros(micros), ..asked }), want);
        }
    }
}
