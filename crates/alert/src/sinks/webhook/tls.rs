//! Encrypted connections.

use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// Has certificates checked against those that the system trusts. A client that needs none is
/// spared reading them.
pub(super) fn configure(
    builder: ClientBuilder,
    is_encrypted: bool,
) -> Result<ClientBuilder, String> {
    if is_encrypted {
        // Somebody else may have chosen one already, which is as good.
        let _ = ring::default_provider().install_default();
        return Ok(builder.https_only(true));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(builder.tls_backend_preconfigured(config))
}
