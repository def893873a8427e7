//! Parameters and columns on the wire: integers, text, bytes and truth values, in PostgreSQL's binary form.

use std::error::Error;

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use crate::tx::{Raw, Value};

/// A value whose type is not the one that PostgreSQL expects there: a fault in a statement.
#[derive(Debug, thiserror::Error)]
#[error("a value does not fit a parameter of type {0}")]
pub(crate) struct Unfit(Type);

impl ToSql for Value<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let unfit = || Box::new(Unfit(wanted.clone()));
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => match *wanted {
                Type::INT8 => value.to_sql(wanted, out),
                Type::INT4 => i32::try_from(*value).map_err(|_| unfit())?.to_sql(wanted, out),
                Type::INT2 => i16::try_from(*value).map_err(|_| unfit())?.to_sql(wanted, out),
                _ => Err(unfit()),
            },
            Self::Text(text) if is_text(wanted) => text.as_ref().to_sql(wanted, out),
            Self::Blob(bytes) if *wanted == Type::BYTEA => bytes.as_ref().to_sql(wanted, out),
            Self::Id(id) if *wanted == Type::BYTEA => id.as_slice().to_sql(wanted, out),
            Self::Text(_) | Self::Blob(_) | Self::Id(_) => Err(unfit()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(kind: &Type, bytes: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        match *kind {
            Type::BOOL => bool::from_sql(kind, bytes).map(|truth| Self::Int(truth.into())),
            Type::INT8 => i64::from_sql(kind, bytes).map(Self::Int),
            Type::INT4 => i32::from_sql(kind, bytes).map(|value| Self::Int(value.into())),
            Type::INT2 => i16::from_sql(kind, bytes).map(|value| Self::Int(value.into())),
            Type::BYTEA => Ok(Self::Blob(bytes)),
            _ => <&str>::from_sql(kind, bytes).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        is_text(kind) || matches!(*kind, Type::BOOL | Type::INT8 | Type::INT4 | Type::INT2 | Type::BYTEA)
    }
}

fn is_text(kind: &Type) -> bool {
    matches!(*kind, Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN)
}
