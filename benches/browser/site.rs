//! The practice site on a free loopback port, and the folder everything lies in.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use actors::{domain::Persona, ports::BoxError, testing, testing::TestWorld};
use anyhow::Context as _;
use greenroom::{
    browser::{Browsers, SealBytes},
    config::Config,
    egress::{Egress, HostRules},
    rehearsal::{Rehearsal, Running},
    secrets::{Sealed, SecretKey},
};

/// The site and its folder.
pub(super) struct Site {
    running: Running,
    root: tempfile::TempDir,
    pub(super) config: Config,
    pub(super) world: Arc<TestWorld>,
}

impl Site {
    pub(super) async fn open() -> anyhow::Result<Self> {
        let root = tempfile::tempdir()?;
        let running = Rehearsal::start(root.path().join("rehearsal"), 0).await.context("the site did not start")?;
        let config = Config::for_test(root.path());
        Ok(Self { running, root, config, world: Arc::new(TestWorld::new(11)) })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.running.addr
    }

    /// A folder of this name for one of those who take part.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Browsers that reach the site through the gate, as the product's do.
    pub(super) fn browsers(&self, name: &str) -> anyhow::Result<Browsers> {
        let rules: [String; 0] = [];
        let egress = Egress::new(HostRules::parse(&rules)?, self.addr());
        let key = SecretKey::load_or_create(&self.folder(name).join("key"))?;
        Ok(Browsers::new(self.config.browser.clone(), egress, self.folder(name).join("browsers"), Arc::new(Seal(key))))
    }

    pub(super) fn persona(&self, slug: &str) -> Persona {
        testing::persona(&*self.world, slug)
    }

    pub(super) async fn close(self) {
        self.running.stop().await;
    }
}

/// Seals saved cookies as the product does.
struct Seal(SecretKey);

impl SealBytes for Seal {
    fn seal(&self, owner: &str, name: &str, plain: &[u8]) -> Result<Vec<u8>, BoxError> {
        let Sealed { nonce, bytes, .. } = self.0.seal(owner, name, plain)?;
        Ok([&nonce[..], &bytes].concat())
    }

    fn open(&self, owner: &str, name: &str, sealed: &[u8]) -> Result<Vec<u8>, BoxError> {
        let (nonce, bytes) = sealed.split_first_chunk().ok_or("the sealed file is cut off")?;
        let sealed = Sealed { key_id: self.0.id().to_owned(), nonce: *nonce, bytes: bytes.to_vec() };
        Ok(self.0.open(owner, name, &sealed)?.reveal().as_bytes().to_vec())
    }
}
