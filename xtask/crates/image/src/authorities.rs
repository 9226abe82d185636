//! The public certificate authorities, as the first layer of every image: an image from scratch has no file that names them.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::layer::{self, Entries, Entry, Layer};

/// Where TLS libraries look, among other places, on every Linux.
pub(crate) const PATH: &str = "etc/ssl/certs/ca-certificates.crt";

/// The layer, the same for every image of one build of this tool.
///
/// # Errors
/// None that can happen: the path is fixed.
pub(crate) fn layer() -> Result<Arc<Layer>, String> {
    static LAYER: OnceLock<Result<Arc<Layer>, String>> = OnceLock::new();
    LAYER
        .get_or_init(|| layer::write(&entries(bundle().into_bytes())).map(Arc::new))
        .clone()
}

/// The files of the layer, with the folders above the bundle.
fn entries(bundle: Vec<u8>) -> Entries {
    let folders = super::paths::parents(PATH).map(|path| (path.to_owned(), Entry::folder()));
    let file = Entry {
        mode: 0o444,
        content: Some(bundle),
        ..Entry::folder()
    };
    folders.chain([(PATH.to_owned(), file)]).collect()
}

/// All certificates in PEM, sorted by their bytes.
pub(crate) fn bundle() -> String {
    let mut certificates: Vec<&[u8]> = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|certificate| certificate.as_ref())
        .collect();
    certificates.sort_unstable();
    let mut text = String::new();
    for certificate in certificates {
        let encoded = STANDARD.encode(certificate);
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in encoded.as_bytes().chunks(64) {
            text.extend(line.iter().map(|byte| char::from(*byte)));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_is_pem() {
        let text = bundle();
        let count = text.matches("-----BEGIN CERTIFICATE-----\n").count();
        assert!(count > 100, "{count} certificates");
        assert!(text.lines().all(|line| line.len() <= 64));
        assert!(layer().unwrap().unpacked_bytes > text.len() as u64);
    }
}
