//! Debian's docker-registry on a free port, and a wire to it that breaks.

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// `tester`, `secret`, as htpasswd writes them.
const PASSWORDS: &str = "tester:$2y$04$jBjgNQ1cUOqQStc5P5A/Luvnh1SitKyO8tSa0Er916gtZ4JCgrYeO\n";

/// A child that ends with the test.
struct Process {
    handle: duct::Handle,
    address: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.handle.kill());
    }
}

async fn start(folder: &Path, password: bool) -> Process {
    let program = std::env::var("TURNPIKE_TEST_REGISTRY").expect("names docker-registry");
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let data = folder.join("data");
    let mut config = format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{address}\"}}\n",
        data.display()
    );
    if password {
        let path = folder.join("passwords");
        std::fs::write(&path, PASSWORDS).unwrap();
        config.push_str(&format!(
            "auth: {{htpasswd: {{realm: test, path: {}}}}}\n",
            path.display()
        ));
    }
    let path = folder.join("config.yml");
    std::fs::write(&path, config).unwrap();
    let handle = duct::cmd(program, [std::ffi::OsStr::new("serve"), path.as_os_str()])
        .stdout_null()
        .stderr_null()
        .unchecked()
        .start()
        .unwrap();
    let begun = Instant::now();
    while TcpStream::connect(&address).await.is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it does not start"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Process { handle, address }
}

#[derive(Debug, Default)]
struct Wire {
    connections: AtomicUsize,
    cuts: AtomicUsize,
    bytes_up: AtomicUsize,
}

/// Forwards to `target`, and cuts every third connection while the request is on its way.
async fn breaking_wire(target: String) -> (String, Arc<Wire>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let wire = Arc::new(Wire::default());
    let shared = Arc::clone(&wire);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::spawn(forward(
                client,
                target.clone(),
                number % 3 == 0,
                Arc::clone(&shared),
            ));
        }
    });
    (address, wire)
}

async fn forward(mut client: TcpStream, target: String, cut: bool, wire: Arc<Wire>) {
    let mut server = TcpStream::connect(target).await.unwrap();
    let (mut up, mut down) = (vec![0; 20_000], vec![0; 20_000]);
    let mut sent = 0;
    loop {
        let silence = tokio::time::sleep(Duration::from_millis(20));
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                sent += count;
                wire.bytes_up.fetch_add(count, Ordering::SeqCst);
                if server.write_all(&up[..count]).await.is_err() {
                    return;
                }
                if cut && sent >= 40_000 {
                    wire.cuts.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            }
            read = server.read(&mut down), if !cut => {
                let Ok(count @ 1..) = read else { return };
                // Once a large blob is through, the next one needs another connection.
                if client.write_all(&down[..count]).await.is_err() || sent > 400_000 {
                    return;
                }
            }
            () = silence, if cut && sent > 0 => {
                wire.cuts.fetch_add(1, Ordering::SeqCst);
                return;
            }
        }
    }
}

#[derive(Debug)]
struct Known(&'static str);

impl Login for Known {
    fn credentials(&self, _refused: bool) -> BoxFuture<'_, anyhow::Result<Option<Credentials>>> {
        Box::pin(std::future::ready(Ok(Some(Credentials {
            name: "tester".to_owned(),
            password: self.0.to_owned(),
        }))))
    }
}

#[tokio::test]
#[ignore = "needs docker-registry"]
async fn registry_takes_an_image_over_a_wire_that_breaks() {
    for password in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let process = start(folder.path(), password).await;
        let (address, wire) = breaking_wire(process.address.clone()).await;
        let login: Arc<dyn Login> = if password {
            Arc::new(Known("secret"))
        } else {
            Arc::new(Anonymous)
        };
        let in_one_piece = Limits {
            chunk_bytes: 16 << 20,
            ..limits()
        };
        let registry = Registry::new(&address, Arc::clone(&login), in_one_piece).unwrap();
        let image = image(&[
            700_000, 500, 900_000, 2_000_000, 600_000, 3_000_000, 800_000,
        ]);
        let pushed = registry.push("turnpike/agent", "v1", &image).await.unwrap();
        assert_eq!(pushed.blobs_sent, 8);
        assert!(wire.cuts.load(Ordering::SeqCst) >= 2, "{wire:?}");

        // Without the wire: what arrived is whole, and the second push sends nothing.
        let direct = Registry::new(&process.address, login, limits()).unwrap();
        let found = direct.manifest("turnpike/agent", &pushed.digest).await;
        assert_eq!(found.unwrap(), Some(image.manifest.clone()));
        let before = wire.bytes_up.load(Ordering::SeqCst);
        let again = registry.push("turnpike/agent", "v1", &image).await.unwrap();
        assert_eq!((again.blobs_sent, again.bytes_sent), (0, 0));
        let sent = wire.bytes_up.load(Ordering::SeqCst) - before;
        assert!(sent < 2_000, "{sent} bytes for an image that is there");
    }
}

#[tokio::test]
#[ignore = "needs docker-registry"]
async fn registry_takes_pieces_and_refuses_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let process = start(folder.path(), true).await;
    let image = image(&[1_000_000]);
    let known = Registry::new(&process.address, Arc::new(Known("secret")), limits()).unwrap();
    let pushed = known.push("a/b", "v1", &image).await.unwrap();
    assert_eq!(
        known.manifest_digest("a/b", "v1").await.unwrap(),
        Some(pushed.digest)
    );
    let stranger = Registry::new(&process.address, Arc::new(Known("guess")), limits()).unwrap();
    let error = stranger.push("a/b", "v1", &image).await.unwrap_err();
    assert!(error.to_string().contains("401 Unauthorized"), "{error:#}");
}
