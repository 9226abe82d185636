pub(crate) mod about;
pub(crate) mod cors;
pub(crate) mod weather;
