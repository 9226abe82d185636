use rustls::pki_types::CertificateDer;

/// Makes ring the TLS provider of this process. reqwest is built without one, and stops the process when there is none.
pub(crate) fn install() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing a race is fine: every caller installs the same provider.
        let _raced = rustls::crypto::ring::default_provider().install_default();
    }
}

/// The public certificate authorities. They are compiled in because an image built FROM scratch has no such file, and
/// all images of a release then trust the same ones.
pub(crate) fn authorities() -> &'static [CertificateDer<'static>] {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
}
