//! The Docker engine that the emulator's containers run on.

use serde_json::{Value as Json, json};

use super::http;

#[derive(Debug, Clone)]
pub(crate) struct Engine {
    /// As `DOCKER_HOST` has it.
    pub(crate) host: String,
}

const NOWHERE: &str = "unix:///nonexistent/docker.sock";

impl Engine {
    /// The one that the suite was given.
    #[track_caller]
    pub(crate) fn found() -> Self {
        let host = std::env::var("TURNPIKE_TEST_DOCKER_HOST")
            .expect("TURNPIKE_TEST_DOCKER_HOST is not set: cargo xtask test aws");
        Self { host }
    }

    /// None at all.
    pub(crate) fn none() -> Self {
        Self {
            host: NOWHERE.to_owned(),
        }
    }

    fn is_none(&self) -> bool {
        self.host == NOWHERE
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str) -> http::Answer {
        let url = match self.host.split_once("://") {
            Some(("unix", socket)) => format!("unix:[{socket}]{path}"),
            Some((_, address)) => format!("http://{address}{path}"),
            None => panic!("DOCKER_HOST is {}", self.host),
        };
        http::send(method, &url, "").unwrap_or_else(|error| panic!("{method} {url}: {error}"))
    }

    /// The address by which containers reach this machine, when it is one of this machine's.
    pub(crate) fn gateway(&self) -> Option<String> {
        if self.is_none() {
            return None;
        }
        let bridge = self.call("GET", "/networks/bridge").json();
        let gateway = bridge["IPAM"]["Config"][0]["Gateway"].as_str()?.to_owned();
        std::net::TcpListener::bind((gateway.as_str(), 0)).ok()?;
        Some(gateway)
    }

    /// The containers that one emulator has made, running or not.
    pub(crate) fn containers(&self, instance: &str) -> Vec<Json> {
        if self.is_none() {
            return Vec::new();
        }
        let filters = json!({"label": [format!("ministack.instance={instance}")]}).to_string();
        let path = format!(
            "/containers/json?all=1&filters={}",
            url::form_urlencoded::byte_serialize(filters.as_bytes()).collect::<String>()
        );
        self.call("GET", &path).json().as_array().unwrap().clone()
    }

    /// The processor that a container's image is made for.
    #[track_caller]
    pub(crate) fn architecture(&self, container: &Json) -> String {
        let image = container["ImageID"].as_str().unwrap();
        let image = self.call("GET", &format!("/images/{image}/json")).json();
        image["Architecture"].as_str().unwrap().to_owned()
    }

    pub(crate) fn remove_containers(&self, instance: &str) {
        for container in self.containers(instance) {
            let id = container["Id"].as_str().unwrap();
            drop(self.call("DELETE", &format!("/containers/{id}?force=1&v=1")));
        }
    }
}
