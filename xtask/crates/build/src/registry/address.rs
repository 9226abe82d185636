//! Where a registry is, and whether the way there is safe.

use url::Url;

use facts::stays_here;
use words::error::UserError;

/// A host with an optional port, or a URL: HTTPS, and plain HTTP on loopback.
pub(super) fn parse_address(text: &str) -> Result<Url, UserError> {
    let problem = |why: &str| UserError::new(format!("the registry address `{text}` {why}"));
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        let probe = Url::parse(&format!("http://{text}")).map_err(|_| problem("is none"))?;
        let scheme = if stays_here(&probe) { "http" } else { "https" };
        format!("{scheme}://{text}")
    };
    let url = Url::parse(&with_scheme).map_err(|_| problem("is none"))?;
    if !is_safe(&url) {
        let hint = "use https://; plain HTTP is for registries on this machine";
        return Err(problem("would send the image in clear").hint(hint));
    }
    Ok(url)
}

/// HTTPS, or a wire that does not leave the machine.
pub(super) fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && stays_here(url))
}
