//! The one provider of cryptography.

/// Makes aws-lc-rs the process's cryptography, if nothing else is yet. Costs microseconds; safe to repeat.
pub fn install_crypto_provider() {
    // An error means that one is installed already, which is all we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// A TLS set-up that trusts nobody, for endpoints that are not to be reached by TLS: reading the system's roots takes
/// tens of milliseconds.
pub(crate) fn no_tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth())
}
