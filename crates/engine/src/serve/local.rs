//! Models that start programs or read files of this machine: which of them tasks and projects may name.

use std::path::Path;

use models::ModelSpec;

use super::Options;
use crate::model_pool::named;
use crate::{Engine, Refusal};

impl Engine {
    /// Refuses what the operator did not open: files that lie where no repository may lie either, and outside agents on a
    /// server that bounds where repositories lie. What the operator named with `--model` may be named by everybody.
    pub(super) fn may_use(&self, model: &str, options: &Options) -> Result<(), Refusal> {
        if options.model.as_deref() == Some(model) {
            return Ok(());
        }
        match named(model)? {
            ModelSpec::Script(file) | ModelSpec::Gguf(file) => self.may_read(model, &file, options),
            ModelSpec::Acp(_) if !options.repositories.roots.is_empty() => Err(Refusal::usage(
                "model_not_allowed",
                "this server starts no outside agents for tasks",
                "the operator can name one with `aamas serve --model`",
            )),
            ModelSpec::Acp(_) | ModelSpec::Offline | ModelSpec::Provider { .. } => Ok(()),
        }
    }

    fn may_read(&self, model: &str, file: &Path, options: &Options) -> Result<(), Refusal> {
        let refuse = |why: &str| {
            Err(Refusal::usage(
                "model_not_allowed",
                format!("{model}: {why}"),
                "name a file where this server takes repositories from, or have the operator name it with `aamas serve --model`",
            ))
        };
        let is_absolute = model.split_once(':').is_some_and(|(_, path)| Path::new(path).is_absolute());
        if !is_absolute {
            return refuse("the path is not absolute");
        }
        let roots = &options.repositories.roots;
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let real = whole(file);
        // The same words for what is not there: who may not read a file does not learn whether it exists.
        if real.starts_with(whole(&self.data_dir))
            || !(roots.is_empty() || roots.iter().any(|root| real.starts_with(whole(root))))
        {
            return refuse("this server does not read that file for tasks");
        }
        Ok(())
    }
}
