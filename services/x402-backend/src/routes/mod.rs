pub(crate) mod about;
pub(crate) mod cors;
pub(crate) mod ready;
pub(crate) mod weather;
