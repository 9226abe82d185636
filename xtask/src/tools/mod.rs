//! Effects: one file per outside program or API. Nothing above decides here, nothing here decides.

pub(crate) mod doctor;
mod payment_peers;
mod test_engine;
pub(crate) mod test_tools;
