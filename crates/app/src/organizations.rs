//! Organizations: mine, a new one, and how it is called and looks.

use auth::policy::Resource;
use auth::{Action, Caller, Role};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::OrganizationRecord;

use crate::account::{member_of, parse_name};
use crate::entrance::{Hand, account_of};
use crate::office::Origin;
use crate::records::{of_doc, to_doc};
use crate::sign_in::organizations_of;
use crate::{AppError, FieldProblem, Platform, agents};

/// The largest logo, in bytes of the picture.
const MAX_LOGO_BYTES: usize = 64 << 10;
/// Organizations that one person may belong to when they make another.
const MAX_ORGANIZATIONS: usize = 50;
/// The least contrast of an accent with white: WCAG 2.2, 1.4.11 (parts of controls). Pages darken it further for text.
const MIN_CONTRAST: f64 = 3.0;

/// An organization, as its members see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Organization {
    /// `tenant_…`.
    #[schema(value_type = crate::shapes::OrganizationId)]
    pub id: TenantId,
    /// What it is called.
    pub name: String,
    /// The role of whoever asks.
    #[schema(value_type = Option<crate::shapes::TokenRole>, required)]
    pub role: Option<Role>,
    /// How its pages look.
    pub branding: Branding,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes.
    #[serde(skip)]
    pub version: u64,
}

/// How an organization's pages look. What is null is as the product has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Branding {
    /// The name on them.
    #[schema(required)]
    pub name: Option<String>,
    /// The accent, as `#rrggbb`.
    #[schema(required)]
    pub accent: Option<String>,
    /// The logo, as a `data:` address.
    #[schema(required)]
    pub logo_url: Option<String>,
}

/// A new organization.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// What it is called.
    #[schema(value_type = crate::shapes::Name)]
    pub name: String,
}

/// Members of an organization that are to be changed.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationChange {
    /// Another name.
    #[schema(value_type = Option<crate::shapes::Name>)]
    pub name: Option<String>,
    /// Another look.
    pub branding: Option<BrandingChange>,
}

/// Parts of a look that are to be changed; an empty text takes one away.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BrandingChange {
    /// The name on the pages.
    #[schema(value_type = Option<crate::shapes::NameOrNone>)]
    pub name: Option<String>,
    /// The accent, as `#rrggbb`, with a contrast of 3:1 to white.
    #[schema(value_type = Option<crate::shapes::Accent>)]
    pub accent: Option<String>,
    /// The logo: a PNG, JPEG or WebP of at most 64 KB as a `data:` address.
    #[schema(value_type = Option<crate::shapes::Logo>)]
    pub logo: Option<String>,
}

/// The organizations of a person; of anybody else the one that the caller belongs to.
///
/// # Errors
/// [`AppError::Denied`].
pub async fn mine(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
) -> Result<Vec<Organization>, AppError> {
    let here = get(platform, caller, origin, caller.tenant).await?;
    let Ok((user, _)) = account_of(caller) else { return Ok(vec![here]) };
    let mut all = Vec::new();
    for tenant in organizations_of(platform, user).await? {
        let found = platform
            .store()
            .read(tenant, move |tx| {
                let member = tx.member(user)?;
                Ok(tx.organization()?.zip(member))
            })
            .await?;
        if let Some((record, member)) = found {
            all.push(organization_of(tenant, &record, Role::from_word(&member.role))?);
        }
    }
    all.sort_by_key(|one: &Organization| (one.name.to_lowercase(), one.id));
    Ok(all)
}

/// One organization: the caller's; there is no other one.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Denied`].
pub async fn get(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: TenantId,
) -> Result<Organization, AppError> {
    here(caller, id)?;
    let role = caller.role;
    platform
        .look(caller, origin, move |look| {
            look.may(Action::OrganizationRead, Resource::organization(id))?;
            let record = look.tx.organization()?.ok_or_else(|| AppError::not_found("organization", id))?;
            organization_of(id, &record, Some(role))
        })
        .await
}

/// Changes name and look.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Invalid`], [`AppError::Denied`], [`AppError::VersionConflict`].
pub async fn update(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    id: TenantId,
    change: OrganizationChange,
    expected: Option<u64>,
) -> Result<Organization, AppError> {
    here(caller, id)?;
    let role = caller.role;
    platform
        .change(caller, origin, move |office| {
            office.may(Action::OrganizationUpdate, Resource::organization(id))?;
            let found = office.rows().organization()?;
            let mut record = found.ok_or_else(|| AppError::not_found("organization", id))?;
            if expected.is_some_and(|version| version != record.version) {
                return Err(AppError::VersionConflict);
            }
            apply(&mut record, change)?;
            record.updated_at = office.now();
            office.tx.save_organization(&record)?;
            record.version += 1;
            let subject = ("organization", id.to_string());
            office.did("organization.updated", subject, json!({ "name": record.name }))?;
            organization_of(id, &record, Some(role))
        })
        .await
}

/// Makes another organization, whose owner is the person who asks.
///
/// The installation notes it first, then it is made in one transaction of its own. After a crash in between the note leads to
/// a tenant that is no organization, and whoever reads the list passes over it.
///
/// # Errors
/// [`AppError::Invalid`], [`AppError::Denied`]; [`AppError::Conflict`] when who asks is no person who is signed in, or
/// belongs to too many.
pub async fn create(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    new: NewOrganization,
) -> Result<Organization, AppError> {
    let (id, _) = account_of(caller)?;
    let name = parse_name(&new.name).map_err(|why| AppError::invalid("name", why))?;
    let (now, ids) = (platform.now(), platform.ids());
    let tenant = TenantId::new(now, ids());
    platform
        .change(caller, origin, move |office| {
            let here = Resource::organization(office.rows().tenant());
            office.may(Action::OrganizationRead, here)?;
            // What the other one is called is its own business.
            office.note("organization.requested", ("account", id.to_string()), json!({}))
        })
        .await?;
    let user = platform
        .store()
        .transact(TenantId::INSTALLATION, move |tx| {
            let user = tx.user(id)?.ok_or_else(|| AppError::not_found("account", id))?;
            if tx.affiliations(id)?.len() >= MAX_ORGANIZATIONS {
                return Err(AppError::Conflict {
                    code: "too_many_organizations",
                    detail: format!("a person belongs to at most {MAX_ORGANIZATIONS} organizations"),
                    hint: "leave one first",
                });
            }
            tx.enter_organization(tenant, now)?;
            tx.affiliate(id, tenant)?;
            Ok(user)
        })
        .await?;
    let hand = Hand::of_user(platform, origin, &user);
    let made = platform
        .store()
        .transact(tenant, move |tx| {
            let record =
                OrganizationRecord { name, created_at: now, updated_at: now, version: 1, doc: json!({}) };
            tx.insert_organization(&record)?;
            tx.insert_member(&member_of(&user, Role::Owner, now))?;
            agents::register_first(tx, now, ids)?;
            let subject = ("organization", tenant.to_string());
            hand.did(tx, "organization.created", subject, json!({ "name": record.name }))?;
            organization_of(tenant, &record, Some(Role::Owner))
        })
        .await?;
    platform.ring();
    Ok(made)
}

/// What belongs to another organization does not exist.
fn here(caller: &Caller, id: TenantId) -> Result<(), AppError> {
    if caller.tenant == id { Ok(()) } else { Err(AppError::not_found("organization", id)) }
}

pub(crate) fn organization_of(
    id: TenantId,
    record: &OrganizationRecord,
    role: Option<Role>,
) -> Result<Organization, AppError> {
    Ok(Organization {
        id,
        name: record.name.clone(),
        role,
        branding: branding_of(record)?,
        created_at: record.created_at,
        updated_at: record.updated_at,
        version: record.version,
    })
}

/// How an organization's pages look.
pub(crate) fn branding_of(record: &OrganizationRecord) -> Result<Branding, AppError> {
    of_doc("organization", &record.doc["branding"])
}

fn apply(record: &mut OrganizationRecord, change: OrganizationChange) -> Result<(), AppError> {
    let mut problems = Vec::new();
    let mut take = |field: &str, parsed: Result<String, &'static str>, well_formed: bool| match parsed {
        Ok(value) => Some(value),
        Err(why) => {
            problems.push(FieldProblem { well_formed, ..FieldProblem::new(field, why) });
            None
        }
    };
    if let Some(name) = change.name.and_then(|name| take("name", parse_name(&name), false)) {
        record.name = name;
    }
    if let Some(asked) = change.branding {
        let mut branding = branding_of(record)?;
        let mut put = |place: &mut Option<String>, field: &str, text: Option<String>, parse: Parse| match text
        {
            Some(text) if text.trim().is_empty() => *place = None,
            // What has the form of a color or a picture may still be too light, or another picture.
            Some(text) => *place = take(field, parse(text.trim()), is_color(&text) || is_picture(&text)),
            None => {}
        };
        put(&mut branding.name, "branding.name", asked.name, parse_name);
        put(&mut branding.accent, "branding.accent", asked.accent, parse_accent);
        put(&mut branding.logo_url, "branding.logo", asked.logo, parse_logo);
        // Other members of the document are others' and stay.
        record.doc["branding"] = to_doc(&branding);
    }
    if problems.is_empty() { Ok(()) } else { Err(AppError::Invalid(problems)) }
}

type Parse = fn(&str) -> Result<String, &'static str>;

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_picture(text: &str) -> bool {
    let base64 = text.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    base64.is_some_and(|(_, rest)| rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)))
}

/// A color that can be told from white.
fn parse_accent(text: &str) -> Result<String, &'static str> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()));
    let value = digits
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or("it is not a color as #rrggbb")?;
    let light = |shift: u32| {
        let part = f64::from((value >> shift) & 255) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    // Relative luminance and contrast ratio as WCAG 2.2 defines them.
    let luminance = 0.2126 * light(16) + 0.7152 * light(8) + 0.0722 * light(0);
    if 1.05 / (luminance + 0.05) < MIN_CONTRAST {
        return Err("it is too light to be seen on white; its contrast has to be 3:1");
    }
    Ok(text.to_ascii_lowercase())
}

/// A picture of pixels. No SVG: that is a document, which could bring its own contents.
fn parse_logo(text: &str) -> Result<String, &'static str> {
    const KINDS: [(&str, &[u8]); 3] = [
        ("data:image/png;base64,", b"\x89PNG\r\n\x1a\n"),
        ("data:image/jpeg;base64,", b"\xff\xd8\xff"),
        ("data:image/webp;base64,", b"RIFF"),
    ];
    let found = KINDS.iter().find_map(|(head, magic)| text.strip_prefix(head).map(|rest| (rest, *magic)));
    let (rest, magic) = found.ok_or("it is not a data: address of a PNG, JPEG or WebP in base64")?;
    if rest.len() > MAX_LOGO_BYTES.div_ceil(3) * 4 {
        return Err("the picture has more than 64 KB");
    }
    let bytes = STANDARD.decode(rest).map_err(|_| "it is not base64")?;
    if !bytes.starts_with(magic) {
        return Err("the picture is not of the kind that it says");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_are_colors_that_can_be_seen() {
        for (text, want) in [
            ("#0B5D6E", Ok("#0b5d6e")),
            ("#000000", Ok("#000000")),
            ("#949494", Ok("#949494")),
            ("#959595", Err("it is too light to be seen on white; its contrast has to be 3:1")),
            ("#ffff00", Err("it is too light to be seen on white; its contrast has to be 3:1")),
            ("0b5d6e", Err("it is not a color as #rrggbb")),
            ("#0b5", Err("it is not a color as #rrggbb")),
            ("#+b5d6e", Err("it is not a color as #rrggbb")),
            ("url(x)", Err("it is not a color as #rrggbb")),
        ] {
            assert_eq!(parse_accent(text), want.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn logos_are_small_pictures() {
        let png = format!("data:image/png;base64,{}", STANDARD.encode(b"\x89PNG\r\n\x1a\nrest"));
        assert_eq!(parse_logo(&png), Ok(png.clone()));
        let large = format!("data:image/png;base64,{}", "A".repeat(90_000));
        for (text, want) in [
            (
                "data:image/svg+xml;base64,PHN2Zz4=",
                "it is not a data: address of a PNG, JPEG or WebP in base64",
            ),
            ("https://example.org/logo.png", "it is not a data: address of a PNG, JPEG or WebP in base64"),
            ("data:image/png;base64,PHN2Zz4=", "the picture is not of the kind that it says"),
            ("data:image/png;base64,***", "it is not base64"),
            (large.as_str(), "the picture has more than 64 KB"),
        ] {
            assert_eq!(parse_logo(text), Err(want), "{}", &text[..20]);
        }
    }
}
