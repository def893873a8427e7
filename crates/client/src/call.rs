//! One call: what is asked, and how its answer is read.

use std::marker::PhantomData;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Client, Error, shape};

/// What a call that may take longer came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T, L> {
    /// It is done.
    Done(T),
    /// It goes on: where to ask for it.
    Later(L),
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: Result<String, Error>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Option<Result<Vec<u8>, Error>>,
}

impl Call {
    /// A call of a path, the names in braces filled in order.
    pub(crate) fn new(method: &'static str, path: &'static str, arguments: &[&str]) -> Self {
        Self { method, path: filled(path, arguments), query: Vec::new(), body: None }
    }

    /// With the members of a query that are given.
    pub(crate) fn query(mut self, query: &impl Serialize) -> Self {
        match serde_json::to_value(query) {
            Ok(Value::Object(members)) => {
                let text = |value: Value| match value {
                    Value::Null => None,
                    Value::String(text) => Some(text),
                    other => Some(other.to_string()),
                };
                self.query = members.into_iter().filter_map(|(name, v)| Some((name, text(v)?))).collect();
            }
            Ok(_) => {}
            Err(error) => self.path = Err(Error::InvalidCall(error.to_string())),
        }
        self
    }

    /// With a body.
    pub(crate) fn body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).map_err(|e| Error::InvalidCall(e.to_string())));
        self
    }

    /// With a body, if there is one.
    pub(crate) fn optional_body(self, body: Option<&impl Serialize>) -> Self {
        match body {
            Some(body) => self.body(body),
            None => self,
        }
    }
}

/// A path whose arguments stay single segments, whatever is in them.
fn filled(path: &str, arguments: &[&str]) -> Result<String, Error> {
    let mut text = String::with_capacity(path.len() + 32);
    let mut given = arguments.iter();
    for (place, part) in path.split('{').enumerate() {
        if place == 0 {
            text.push_str(part);
            continue;
        }
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        let argument = given.next().copied().unwrap_or_default();
        // Addresses lose segments of dots, encoded or not.
        if ["", ".", ".."].contains(&argument) {
            return Err(Error::InvalidCall(format!("{name} is {argument:?}")));
        }
        for byte in argument.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
        text.push_str(rest);
    }
    Ok(text)
}

/// A call that is made once it is awaited: then its answer is read as its type. [`Asked::value`] reads it as it is.
#[must_use = "nothing is asked before it is awaited"]
#[derive(Debug)]
pub struct Asked<'c, R> {
    client: &'c Client,
    call: Call,
    reading: PhantomData<fn() -> R>,
}

impl<'c, R> Asked<'c, R> {
    pub(crate) fn new(client: &'c Client, call: Call) -> Self {
        Self { client, call, reading: PhantomData }
    }
}

impl<T: DeserializeOwned> Asked<'_, Json<T>> {
    /// The answer with everything that is in it, also what this client does not know. What has nothing of a `T` is
    /// refused.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn value(self) -> Result<Value, Error> {
        Whole::<T>::read(self.client.send(self.call).await?)
    }
}

impl<T: DeserializeOwned, L: DeserializeOwned> Asked<'_, OrLater<Json<T>, L>> {
    /// The answer, now or later, with everything that is in it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn value(self) -> Result<Outcome<Value, Value>, Error> {
        let answer = self.client.send(self.call).await?;
        if answer.status == 202 {
            Whole::<L>::read(answer).map(Outcome::Later)
        } else {
            Whole::<T>::read(answer).map(Outcome::Done)
        }
    }
}

impl<'c, R: Reading> IntoFuture for Asked<'c, R> {
    type Output = Result<R::Output, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'c>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, call, .. } = self;
        Box::pin(async move { R::read(client.send(call).await?) })
    }
}

/// An answer that is no refusal.
#[derive(Debug)]
pub struct Answer {
    pub(crate) server: String,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// How an answer is read.
pub trait Reading {
    /// What it is read as.
    type Output;

    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Unexpected`].
    fn read(answer: Answer) -> Result<Self::Output, Error>;
}

/// As JSON.
#[derive(Debug)]
pub struct Json<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned> Reading for Json<T> {
    type Output = T;

    fn read(answer: Answer) -> Result<T, Error> {
        serde_json::from_slice(&answer.body).map_err(|error| Error::Unexpected {
            server: answer.server,
            status: answer.status,
            what: format!("and what this client can't read: {error}"),
        })
    }
}

/// As JSON with everything that is in it, if it has what a `T` has.
#[derive(Debug)]
struct Whole<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned> Reading for Whole<T> {
    type Output = Value;

    fn read(answer: Answer) -> Result<Value, Error> {
        let (server, status) = (answer.server.clone(), answer.status);
        let value = Json::<Value>::read(answer)?;
        match shape::wrong::<T>(&value) {
            None => Ok(value),
            Some(what) => Err(Error::Unexpected { server, status, what }),
        }
    }
}

/// As it is.
#[derive(Debug)]
pub struct Bytes;

impl Reading for Bytes {
    type Output = Vec<u8>;

    fn read(answer: Answer) -> Result<Vec<u8>, Error> {
        Ok(answer.body)
    }
}

/// Of no interest.
#[derive(Debug)]
pub struct Nothing;

impl Reading for Nothing {
    type Output = ();

    fn read(_: Answer) -> Result<(), Error> {
        Ok(())
    }
}

/// Now, or as JSON later.
#[derive(Debug)]
pub struct OrLater<R, L>(PhantomData<fn() -> (R, L)>);

impl<R: Reading, L: DeserializeOwned> Reading for OrLater<R, L> {
    type Output = Outcome<R::Output, L>;

    fn read(answer: Answer) -> Result<Self::Output, Error> {
        if answer.status == 202 {
            Json::<L>::read(answer).map(Outcome::Later)
        } else {
            R::read(answer).map(Outcome::Done)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_stay_segments_of_their_own() {
        let path = "/api/v1/runs/{run_id}/outputs/{name}";
        assert_eq!(
            filled(path, &["run_1", "a/../b c?d#e%ü"]).expect("a path"),
            "/api/v1/runs/run_1/outputs/a%2F..%2Fb%20c%3Fd%23e%25%C3%BC"
        );
        for bad in ["", ".", ".."] {
            assert!(filled(path, &["run_1", bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn queries_leave_out_what_is_not_given() {
        let call =
            Call::new("GET", "/x", &[]).query(&json!({ "status": "open", "limit": 5, "cursor": null }));
        assert_eq!(
            call.query,
            [("status".to_owned(), "open".to_owned()), ("limit".to_owned(), "5".to_owned())]
        );
    }
}
