//! Pure: Dockerfile + ARGs -> what the image will be. Bytes come from here, files are read and written elsewhere.

mod config;
mod dockerfile;
mod words;

pub(crate) use dockerfile::{Image, interpret};
