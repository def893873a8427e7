//! `aamas serve`: composes the doors and the engine on one store, and ends them without losing anything.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use api::{ApiState, Config, Limits, Listener, ServeError, Tls};
use app::models::{Model, Models, Provider};
use app::{Platform, Settings};
use domain::TenantId;
use engine::Engine;
use engine::serve::{Options, Repositories, Scheduler};
use governance::SigningKey;
use models::{ModelRow, ModelsConfig, ProviderRow, catalogue};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{demo, host, identity, rows, serving};
use crate::cli::{Global, LogFormat, Serve, ServerRole};
use crate::refusal::Refusal;
use crate::rim;
use crate::say::{TOLD, err};

/// How often counts of reads are written, and what is old is forgotten.
const COUNTS_EVERY: Duration = Duration::from_secs(5);
const TIDY_EVERY: Duration = Duration::from_secs(600);
/// How often audits are signed, if they have grown.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);
/// How long another signal is listened for while the server ends.
const LAST_WORDS: Duration = Duration::from_secs(60);
/// Answers, dead credentials and events are kept so long.
const DAY: Duration = Duration::from_secs(24 * 3600);
const EVENTS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

pub fn serve(global: &Global, arguments: Serve) -> Result<ExitCode, Refusal> {
    let data_dir = host::data_dir(global)?;
    let engine = host::engine_to_serve(global)?;
    let _only = serving::hold(&data_dir)?;
    rows::note(&data_dir, &engine.desk.store)?;
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| {
        Refusal::internal(
            "internal",
            format!("cannot start the runtime: {e}"),
            "free some memory or file descriptors",
        )
    })?;
    let result = runtime.block_on(run(engine, arguments));
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

#[expect(clippy::disallowed_methods, reason = "its handle is kept, and aborted when everything has ended")]
async fn run(engine: Engine, arguments: Serve) -> Result<ExitCode, Refusal> {
    let platform = Platform::new(&engine.desk, rim::random::<32>, Settings::default());
    app::authenticate::first_organization(&platform).await?;
    let entrance = identity::entrance(&platform, arguments.identity.as_deref())?;
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let signals = tokio::spawn(obey_signals(stop.clone()));
    tasks.spawn(app::events::ring_at_commits(platform.clone(), stop.clone()));
    tasks.spawn(keep_house(platform.clone(), stop.clone()));

    let listener = match arguments.roles.contains(&ServerRole::Api) {
        true => Some(listen(&arguments).await?),
        false => None,
    };
    let document = engine.signing_document()?;
    let key = SigningKey::from_pkcs8(&document).map_err(|e| {
        Refusal::internal(
            "signing_key",
            engine::sentence(&e),
            "restore keys/signing.key of the data directory",
        )
    })?;
    let audit_key = key.public();
    let anchors = engine.data_dir.join("checkpoints");
    tasks.spawn(sign_audits(platform.clone(), Arc::new(key), anchors, stop.clone()));
    let models = models_of(&engine, arguments.model.as_deref());
    if arguments.demo {
        demo::fill(&platform, &engine.data_dir).await?;
    }
    let scheduler =
        arguments.roles.contains(&ServerRole::Engine).then(|| scheduler(engine, &arguments).rung());
    if let Some(scheduler) = scheduler {
        let (doorbell, rung, end) = (scheduler.doorbell(), platform.clone(), stop.clone());
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = end.cancelled() => break,
                    () = rung.bell().notified() => doorbell.ring(),
                }
            }
        });
        let end = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = scheduler.run(end.clone()).await {
                tracing::error!(error = engine::sentence(&error), "the engine ended");
                end.cancel();
            }
        });
    }
    if let Some((listener, scheme)) = listener {
        let address = listener.address().map_err(|e| {
            Refusal::internal("internal", format!("cannot tell the address: {e}"), "try another --listen")
        })?;
        if let Some(link) = app::setup::setup_link(&platform).await? {
            let link = format!("{scheme}://{address}/setup#link={}", link.secret.expose());
            match arguments.log_format {
                LogFormat::Text => err!("first start: sign in once with {link}"),
                LogFormat::Json => {
                    tracing::info!(target: TOLD, { setup.link = link }, "first start: sign in once with this link");
                }
            }
        }
        let config = Config {
            dev: arguments.dev,
            tls: scheme == "https" || arguments.behind_tls,
            allowed_origins: arguments.allow_origin,
            demo: arguments.demo,
            models: models.clone(),
            audit_keys: vec![audit_key],
            limits: arguments.rate_limit.map_or_else(Limits::default, Limits::per_second),
        };
        let state = ApiState::behind(entrance, config, rim::random::<16>);
        let router = api::router(state.clone());
        tracing::info!("listening on {scheme}://{address}");
        api::serve(listener, state, router, stop.clone()).await;
    } else {
        tracing::info!("working on tasks");
        stop.cancelled().await;
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    signals.abort();
    if let Err(error) = platform.save_read_counts().await {
        tracing::warn!(error = %error, "the last counts of reads were lost");
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn listen(arguments: &Serve) -> Result<(Listener, &'static str), Refusal> {
    let tls = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificates), Some(key)) => Some(Tls { certificates: certificates.clone(), key: key.clone() }),
        _ => None,
    };
    let listener = Listener::bind(arguments.listen, tls.as_ref())
        .await
        .map_err(|error| Refusal::usage("cannot_listen", engine::sentence(&error), hint(&error)))?;
    Ok((listener, if tls.is_some() { "https" } else { "http" }))
}

/// What to do where the server can't listen.
fn hint(error: &ServeError) -> &'static str {
    match error {
        ServeError::Listen { source, .. } => match source.kind() {
            ErrorKind::PermissionDenied => {
                "name a port from 1024 on with --listen: this user may not have the lower ones"
            }
            ErrorKind::AddrNotAvailable => {
                "name an address of this machine with --listen, or 0.0.0.0 for all of them"
            }
            _ => "free the address, or name another --listen",
        },
        ServeError::Certificates { .. } => {
            "name with --tls-cert a readable PEM file: the server's certificate, then those between it and its authority"
        }
        ServeError::Key { .. } => {
            "name with --tls-key a readable PEM file with the certificate's private key, without a passphrase"
        }
        ServeError::Mismatch { .. } => {
            "name the key that this certificate was made for; the server's own certificate comes first in its file"
        }
    }
}

fn scheduler(engine: Engine, arguments: &Serve) -> Scheduler {
    let defaults = Options::default();
    let options = Options {
        parallel_runs: arguments.parallel_runs.map_or(defaults.parallel_runs, |n| n as usize),
        model: arguments.model.clone(),
        repositories: Repositories {
            allow_private: arguments.allow_private_repositories,
            roots: arguments.repository_root.clone(),
        },
        ..defaults
    };
    Scheduler::new(engine, options)
}

/// The models of this server, as the API lists them.
fn models_of(engine: &Engine, default: Option<&str>) -> Models {
    let pool = &engine.pool;
    let known = catalogue(pool.environment(), &ModelsConfig::default(), pool.rim());
    let provider = |row: ProviderRow| Provider {
        id: row.provider.to_owned(),
        name: row.what.to_owned(),
        configured: row.is_configured,
        // The list speaks of any model of the provider.
        hint: row.missing.map(|why| why.replace(&format!("{}/any", row.provider), row.provider)),
    };
    let offline = Provider {
        id: "offline".to_owned(),
        name: "The offline engine: repairs failing tests without a model".to_owned(),
        configured: true,
        hint: None,
    };
    let offline_model = Model {
        id: "offline".to_owned(),
        provider: "offline".to_owned(),
        name: "offline".to_owned(),
        configured: true,
        note: None,
        input_usd_per_million: 0.0,
        cached_usd_per_million: 0.0,
        output_usd_per_million: 0.0,
        context_tokens: None,
    };
    let model = |row: ModelRow| {
        let (provider, name) = row.spec.split_once('/').unwrap_or(("", row.spec.as_str()));
        Model {
            provider: provider.to_owned(),
            name: name.to_owned(),
            configured: row.is_configured,
            note: Some(format!("{}, {}", row.source, row.as_of)),
            input_usd_per_million: row.usd_per_million_input,
            cached_usd_per_million: row.usd_per_million_cached,
            output_usd_per_million: row.usd_per_million_output,
            context_tokens: row.context_tokens,
            id: row.spec.clone(),
        }
    };
    Models {
        default: default.map_or(known.default, str::to_owned),
        providers: std::iter::once(offline).chain(known.providers.into_iter().map(provider)).collect(),
        items: std::iter::once(offline_model).chain(known.models.into_iter().map(model)).collect(),
    }
}

/// Raises the soft limit of open files to the hard one: thousands of connections need as many descriptors.
fn raise_open_files() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!(error = %error, "the limit of open files stays at {soft}");
    }
}

/// The first signal ends at safe points, the second one at once: nothing durable is lost by either.
async fn obey_signals(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = stop.cancelled() => return,
    }
    tracing::info!("stopping: runs end at a safe point, and go on after the next start");
    stop.cancel();
    tokio::select! {
        _ = interrupt.recv() => std::process::exit(130),
        _ = terminate.recv() => std::process::exit(130),
        () = tokio::time::sleep(LAST_WORDS) => {}
    }
}

/// Signs where each organization's audit stands, and writes that beside the database, from where it is carried elsewhere.
async fn sign_audits(platform: Platform, key: Arc<SigningKey>, dir: PathBuf, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(CHECKPOINT_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let tenants =
            platform.store().read(TenantId::INSTALLATION, |tx| tx.directory()).await.unwrap_or_default();
        for tenant in tenants {
            let signer = key.clone();
            let sign = move |bytes: &[u8]| Some(signer.sign(bytes));
            let signed = app::audit_log::checkpoint(&platform, tenant, key.public(), sign).await;
            let written = match signed {
                Ok(None) => continue,
                Ok(Some(checkpoint)) => write_anchor(&dir, &checkpoint).map_err(|e| e.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = written {
                tracing::error!(error, tenant = %tenant, "no checkpoint of the audit");
            }
        }
    }
}

fn write_anchor(dir: &Path, checkpoint: &governance::SignedCheckpoint) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    governance::write_checkpoint(dir, checkpoint).map(drop)
}

/// Writes what was counted, and forgets what is old.
async fn keep_house(platform: Platform, stop: CancellationToken) {
    let (mut counts, mut tidy) = (tokio::time::interval(COUNTS_EVERY), tokio::time::interval(TIDY_EVERY));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = counts.tick() => {
                if let Err(error) = platform.save_read_counts().await {
                    tracing::warn!(error = %error, "counts of reads are kept for later");
                }
            }
            _ = tidy.tick() => {
                if let Err(error) = forget_old(&platform).await {
                    tracing::warn!(error = %error, "what is old could not be forgotten");
                }
            }
        }
    }
}

async fn forget_old(platform: &Platform) -> Result<(), app::StoreError> {
    let store = platform.store();
    let mut all = store.read(TenantId::INSTALLATION, |tx| tx.directory()).await?;
    all.push(TenantId::INSTALLATION);
    let before = |kept: Duration| {
        let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
        domain::Timestamp::from_micros(platform.now().as_micros().saturating_sub(kept))
    };
    let (day, events) = (before(DAY), before(EVENTS_KEPT));
    for tenant in all {
        store
            .write(tenant, move |tx| {
                tx.forget_answers(day)?;
                tx.forget_credentials(day)?;
                tx.forget_events(events)?;
                Ok(())
            })
            .await?;
    }
    Ok(())
}
