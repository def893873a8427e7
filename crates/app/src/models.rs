//! Which models there are. The engine knows; the binary hands its list to the doors.

use auth::{Action, Caller};
use serde::Serialize;

use crate::office::Origin;
use crate::projects::scoped;
use crate::{AppError, Platform};

/// What models this server can use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Models {
    /// The model of a task that names none, and whose project names none.
    pub default: String,
    /// Who answers for models.
    pub providers: Vec<Provider>,
    /// Models whose price is listed. Any other name works as well.
    pub items: Vec<Model>,
}

/// Who answers for models.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Provider {
    /// The word before the slash of a model's name.
    pub id: String,
    /// What it speaks.
    pub name: String,
    /// Whether it can be asked as things are.
    pub configured: bool,
    /// What is missing, if it is not.
    #[schema(required)]
    pub hint: Option<String>,
}

/// A model whose price is listed.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Model {
    /// As a task names it.
    pub id: String,
    /// The word before the slash.
    pub provider: String,
    /// The word behind it.
    pub name: String,
    /// Whether its provider can be asked.
    pub configured: bool,
    /// Where the price was seen, and when.
    #[schema(required)]
    pub note: Option<String>,
    /// US dollars for a million tokens of input.
    pub input_usd_per_million: f64,
    /// Of input read from the provider's cache.
    pub cached_usd_per_million: f64,
    /// Of output.
    pub output_usd_per_million: f64,
    /// Its context window, in tokens.
    #[schema(required)]
    pub context_tokens: Option<u64>,
}

/// Providers that a model may be named of.
pub const PROVIDERS: [&str; 5] = ["anthropic", "openai", "openai-chat", "gemini", "ollama"];
/// What begins the name of a model that starts a program or reads a file of the server's machine.
const OF_THE_MACHINE: [&str; 3] = ["script:", "gguf:", "acp:"];

/// Whether this names a model that starts a program or reads a file of the server's machine: whoever sets up projects may.
#[must_use]
pub fn is_of_the_machine(model: &str) -> bool {
    OF_THE_MACHINE.iter().any(|scheme| model.starts_with(scheme))
}

/// Why this can be the name of no model.
pub(crate) fn misnamed(model: &str) -> Option<String> {
    let is_complete =
        OF_THE_MACHINE.iter().any(|scheme| model.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    let is_provided = model.split_once('/').is_some_and(|(provider, name)| {
        PROVIDERS.contains(&provider) && !name.is_empty() && !name.contains(char::is_whitespace)
    });
    let is_known = model == "offline" || is_complete || is_provided;
    (!is_known).then(|| format!("it is `offline`, or PROVIDER/MODEL with one of {}", PROVIDERS.join(", ")))
}

/// The models of this server.
///
/// # Errors
/// [`AppError::Denied`].
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    models: Models,
) -> Result<Models, AppError> {
    platform
        .look(caller, origin, move |look| {
            look.may(Action::ModelsRead, scoped(look.caller(), look.tx.tenant()))?;
            Ok(models)
        })
        .await
}
