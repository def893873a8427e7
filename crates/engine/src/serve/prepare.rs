//! A project's repository is brought in: used where it lies, or cloned once.

use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use app::operations::Prepared;
use app::records::{ProjectDoc, of_doc, to_doc};
use domain::{ProjectId, ProjectState, RunError};
use sandbox::broker::is_public;
use sandbox::fetch::{self, Source};
use sandbox::repository::Repository;
use store::ProjectRecord;

use super::look::project_doc;
use super::operate::{not_found, off};
use super::{Repositories, stack};
use crate::service::{app_refusal, mountable, repository_refusal};
use crate::{Engine, EngineError, Refusal};

/// How long a clone may take: what is larger is better cloned by hand, and named by its path.
const CLONE: Duration = Duration::from_secs(600);

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Location {
    /// On this server.
    Here(PathBuf),
    /// Elsewhere.
    There { url: String, host: String, port: u16 },
}

impl Engine {
    /// Brings a project's repository in, and says in its row what became of that.
    pub(super) async fn prepare_project(
        &self,
        id: ProjectId,
        rules: &Repositories,
    ) -> Result<Prepared, Refusal> {
        let (engine, rules) = (self.clone(), rules.clone());
        off(move || {
            let rows = engine.desk.store.read_blocking(engine.desk.tenant, |tx| Ok(project_doc(tx, id)));
            let found = rows.map_err(|e| app_refusal(e.into()))?.map_err(app_refusal)?;
            let (record, doc) = found.ok_or_else(|| not_found("project", id))?;
            let result = engine.bring_in(&record, &doc, &rules);
            engine.save_project(id, &result)?;
            result
        })
        .await
    }

    fn bring_in(
        &self,
        record: &ProjectRecord,
        doc: &ProjectDoc,
        rules: &Repositories,
    ) -> Result<Prepared, Refusal> {
        if record.state == ProjectState::Archived {
            let message = format!("the project {:?} is archived", record.name);
            return Err(Refusal::usage("project_archived", message, "make a new one for its repository"));
        }
        let dir = match Location::parse(&record.repository_url)? {
            Location::Here(path) => self.allowed(&path, rules)?,
            Location::There { url, host, port } => self.cloned(record.id, &url, &host, port, rules)?,
        };
        let repository = Repository::discover(&dir).map_err(repository_refusal)?;
        let head = repository.resolve("HEAD").map_err(repository_refusal)?;
        mountable(&repository)?;
        let tech_stack = if doc.tech_stack.is_empty() {
            stack::of_tree(&repository.objects().map_err(Refusal::internal)?, head.tree)
                .map_err(Refusal::internal)?
        } else {
            doc.tech_stack.clone()
        };
        let branch = head.branch.as_deref().and_then(|b| b.strip_prefix("refs/heads/"));
        Ok(Prepared {
            project_id: record.id,
            checkout: repository.top().to_owned(),
            default_branch: branch.map(str::to_owned),
            tech_stack,
        })
    }

    /// A repository of this server, as long as it is one that a project may have.
    fn allowed(&self, path: &Path, rules: &Repositories) -> Result<PathBuf, Refusal> {
        let refuse =
            |message: String, hint: &str| Err(Refusal::usage("repository_not_allowed", message, hint));
        let shown = path.display();
        if !path.is_absolute() {
            return refuse(format!("{shown} is no absolute path"), "name the repository by its whole path");
        }
        let Ok(real) = path.canonicalize() else {
            let message = format!("there is no {shown} on this server");
            return Err(Refusal::usage("not_a_repository", message, "name a git repository that is there"));
        };
        // The checkouts of other organizations lie there.
        let data = self.data_dir.canonicalize().unwrap_or_else(|_| self.data_dir.clone());
        if real.starts_with(&data) {
            return refuse(format!("{shown} lies in the data directory of the server"), "name another one");
        }
        let mut roots = rules.roots.iter().map(|root| root.canonicalize().unwrap_or_else(|_| root.clone()));
        if !rules.roots.is_empty() && !roots.any(|root| real.starts_with(root)) {
            return refuse(
                format!("{shown} lies in no directory that this server takes repositories from"),
                "ask the operator, or give an address of git",
            );
        }
        Ok(real)
    }

    /// The clone of a repository from elsewhere, made if there is none.
    fn cloned(
        &self,
        id: ProjectId,
        url: &str,
        host: &str,
        port: u16,
        rules: &Repositories,
    ) -> Result<PathBuf, Refusal> {
        let dir = self.data_dir.join("checkouts").join(self.desk.tenant.to_string());
        let target = dir.join(id.to_string());
        if target.join(".git").exists() {
            return Ok(target);
        }
        let address = resolved(host, port, rules.allow_private)?;
        let host_error = |doing: String| move |source| Refusal::internal(EngineError::Host { doing, source });
        std::fs::create_dir_all(&dir).map_err(host_error(format!("make {}", dir.display())))?;
        // What an earlier try left half-made is begun anew.
        let making = dir.join(format!("{id}.new"));
        let remove = || sandbox::layers::remove_tree(&making);
        remove().map_err(host_error(format!("remove {}", making.display())))?;
        let cloned = fetch::clone(Source { url, host, port, address }, &making, CLONE);
        if let Err(error) = cloned {
            let _ = remove();
            return Err(Refusal {
                error: RunError::new(
                    "clone_failed",
                    format!("{host} does not give the repository: {}", crate::sentence(&error)),
                    "check the address; a private repository can be cloned by hand and named by its path",
                ),
                exit: 1,
            });
        }
        std::fs::rename(&making, &target).map_err(host_error(format!("make {}", target.display())))?;
        Ok(target)
    }

    fn save_project(&self, id: ProjectId, result: &Result<Prepared, Refusal>) -> Result<(), Refusal> {
        let (own, now) = (self.desk.clone(), self.desk.now());
        let outcome = match result {
            Ok(prepared) => Ok(prepared.clone()),
            Err(refusal) => Err(refusal.error.clone()),
        };
        let save = move |tx: &mut store::TenantTx<'_>| {
            let Some(mut record) = tx.project(id)?.filter(|p| p.state != ProjectState::Archived) else {
                return Ok(());
            };
            let Ok(mut doc) = of_doc::<ProjectDoc>("project", &record.doc) else { return Ok(()) };
            let verb = match &outcome {
                Ok(prepared) => {
                    record.state = ProjectState::Active;
                    doc.status_detail = None;
                    doc.checkout = Some(prepared.checkout.clone());
                    doc.default_branch.clone_from(&prepared.default_branch);
                    doc.tech_stack.clone_from(&prepared.tech_stack);
                    "prepared"
                }
                Err(error) => {
                    record.state = ProjectState::Failed;
                    doc.status_detail = Some(error.message.clone());
                    "failed"
                }
            };
            (record.doc, record.updated_at) = (to_doc(&doc), now);
            tx.save_project(&record)?;
            let error = outcome.as_ref().err();
            let data = serde_json::json!({ "project_id": id, "status": record.state, "error": error });
            tx.append_event(&own.event(&format!("project.{verb}"), id.to_string(), data))
        };
        let saved = self.desk.store.write_blocking(self.desk.tenant, save);
        saved.map_err(|e| Refusal::internal(EngineError::Store(e)))
    }
}

/// The address of a host, when it is one that this server may ask.
fn resolved(host: &str, port: u16, allow_private: bool) -> Result<IpAddr, Refusal> {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    let unknown = |why: String| {
        let message = format!("the host {host} can't be found: {why}");
        Refusal::usage("unknown_host", message, "check the address of the repository")
    };
    let found: Vec<IpAddr> =
        (plain, port).to_socket_addrs().map_err(|e| unknown(e.to_string()))?.map(|a| a.ip()).collect();
    // One that is not public among several is a trick.
    if !allow_private && found.iter().any(|address| !is_public(*address)) {
        return Err(Refusal::usage(
            "address_not_allowed",
            format!("{host} is not an address of the public internet"),
            "let the operator allow private addresses, or name a repository of this server by its path",
        ));
    }
    found.first().copied().ok_or_else(|| unknown("it has no address".to_owned()))
}

impl Location {
    /// What the address of a repository means. What git would run as a command is no address.
    fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        let refuse = |message: &str| -> Result<Self, Refusal> {
            let hint = "give an absolute path, or an address that begins with https:// or ssh://";
            Err(Refusal::usage("repository_url_invalid", message.to_owned(), hint))
        };
        if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
            return refuse("the address of the repository is not one");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text.split_once(':') {
                // As git reads it: `user@host:path`, unless a slash comes first.
                Some((at, path)) if !at.contains('/') && path.starts_with(':') => {
                    refuse("git would run it as a command")
                }
                Some((at, _)) if !at.contains('/') => Self::at(text, "ssh", at, 22),
                _ => Ok(Self::Here(PathBuf::from(text))),
            };
        };
        let authority = rest.split('/').next().unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "file" if authority.is_empty() || authority == "localhost" => {
                Ok(Self::Here(PathBuf::from(&rest[authority.len()..])))
            }
            "https" => Self::at(text, "https", authority, 443),
            "http" => Self::at(text, "http", authority, 80),
            "ssh" => Self::at(text, "ssh", authority, 22),
            _ => refuse("repositories are taken from paths, https:// and ssh:// only"),
        }
    }

    fn at(text: &str, scheme: &str, authority: &str, port: u16) -> Result<Self, Refusal> {
        let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(u, p)| (Some(u), p));
        if user.is_some_and(|user| scheme != "ssh" || user.contains(':')) {
            return Err(Refusal::usage(
                "credentials_in_url",
                "the address of the repository holds a name or password",
                "leave them out: the address is shown to everyone who sees the project",
            ));
        }
        let (host, given) = match place.strip_prefix('[').and_then(|p| p.split_once(']')) {
            Some((host, behind)) => (host, behind.strip_prefix(':')),
            None => place.rsplit_once(':').map_or((place, None), |(host, given)| (host, Some(given))),
        };
        let port = given.map_or(Ok(port), str::parse);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        match port {
            Ok(port) if !host.is_empty() && !host.starts_with('-') && host.chars().all(plain) => {
                Ok(Self::There { url: text.to_owned(), host: host.to_ascii_lowercase(), port })
            }
            _ => Err(Refusal::usage(
                "repository_url_invalid",
                "the host of the repository's address is not one",
                "give an address such as https://host/path.git",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(url: &str, host: &str, port: u16) -> Result<Location, String> {
        Ok(Location::There { url: url.to_owned(), host: host.to_owned(), port })
    }

    #[test]
    fn an_address_is_a_path_or_a_host() {
        let here = |path: &str| Ok(Location::Here(PathBuf::from(path)));
        let refused = |code: &str| Err(code.to_owned());
        let cases = [
            ("/srv/app", here("/srv/app")),
            ("file:///srv/app", here("/srv/app")),
            ("file://localhost/srv/app", here("/srv/app")),
            ("file://elsewhere/srv/app", refused("repository_url_invalid")),
            ("https://Example.org/a.git", there("https://Example.org/a.git", "example.org", 443)),
            ("http://127.0.0.1:8080/a", there("http://127.0.0.1:8080/a", "127.0.0.1", 8080)),
            ("https://[::1]:8443/a", there("https://[::1]:8443/a", "::1", 8443)),
            ("https://[::1]/a", there("https://[::1]/a", "::1", 443)),
            ("ssh://git@example.org/a", there("ssh://git@example.org/a", "example.org", 22)),
            ("git@example.org:a/b.git", there("git@example.org:a/b.git", "example.org", 22)),
            ("https://user:secret@example.org/a", refused("credentials_in_url")),
            ("https://token@example.org/a", refused("credentials_in_url")),
            ("ext::sh -c id", refused("repository_url_invalid")),
            ("git://example.org/a", refused("repository_url_invalid")),
            ("https://-oProxy/a", refused("repository_url_invalid")),
            ("--upload-pack=id", refused("repository_url_invalid")),
            ("https:///a", refused("repository_url_invalid")),
            ("", refused("repository_url_invalid")),
        ];
        for (text, want) in cases {
            assert_eq!(Location::parse(text).map_err(|r| r.error.code), want, "{text:?}");
        }
    }

    #[test]
    fn only_public_addresses_are_asked_unless_others_are_allowed() {
        let code = |host: &str, private| resolved(host, 80, private).map_err(|r| r.error.code);
        let refused = || Err("address_not_allowed".to_owned());
        assert_eq!(code("127.0.0.1", false), refused());
        assert_eq!(code("169.254.169.254", false), refused());
        assert_eq!(code("::1", false), refused());
        assert_eq!(code("localhost", false), refused());
        assert_eq!(code("127.0.0.1", true), Ok(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(code("1.1.1.1", false), Ok(IpAddr::from([1, 1, 1, 1])));
    }
}
