//! A folder of certificates.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use rustls::{client::danger::ServerCertVerifier, pki_types::UnixTime};
use wirelab::{
    certs::{DEFAULT_NAMES, Store, roots},
    transport::SharedKey,
};

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn names() -> Vec<String> {
    DEFAULT_NAMES.map(str::to_owned).to_vec()
}

#[test]
fn missing_certificates_are_created_once_and_described() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("certs"));
    assert!(store.ensure(&names(), NOW).unwrap());
    let first = fs::read(folder.path().join("certs/server.pem")).unwrap();
    assert!(!store.ensure(&names(), NOW).unwrap(), "they exist now");
    assert_eq!(fs::read(folder.path().join("certs/server.pem")).unwrap(), first);

    let described = store.describe().unwrap();
    assert_eq!(described[1].names, DEFAULT_NAMES);
    assert_eq!(described[1].expires, NOW + Duration::from_secs(397 * 24 * 3600));
    assert!(described[0].subject.contains("CA"));
}

#[test]
fn keys_are_readable_by_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.ensure(&names(), NOW).unwrap();
    for key in ["ca.key", "server.key", "dtls.key", "hmac.key"] {
        let mode = fs::metadata(folder.path().join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
}

#[test]
fn concurrent_creation_yields_one_set() {
    let folder = tempfile::tempdir().unwrap();
    let created: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Store::new(folder.path()).ensure(&names(), NOW).unwrap()))
            .collect();
        threads.into_iter().map(|t| usize::from(t.join().unwrap())).sum()
    });
    assert_eq!(created, 1);
    Store::new(folder.path()).identity().unwrap();
}

#[test]
fn a_missing_certificate_for_dtls_is_created_beside_those_that_exist_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let named = [names(), vec!["lab.example".to_owned()]].concat();
    store.ensure(&named, NOW).unwrap();
    let certificate = fs::read(folder.path().join("server.pem")).unwrap();
    let remove = || ["dtls.pem", "dtls.key"].map(|file| fs::remove_file(folder.path().join(file)).unwrap());
    remove();
    assert!(store.identity().unwrap().p256.is_none());
    assert!(!store.ensure(&names(), NOW).unwrap(), "no new certificates");
    assert_eq!(fs::read(folder.path().join("server.pem")).unwrap(), certificate);
    let leaf = store.identity().unwrap().p256.unwrap();
    let described = store.describe().unwrap();
    assert_eq!(described[2].names, named);

    let roots = roots(&store.ca_file()).unwrap();
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
        roots,
        Arc::new(rustls::crypto::ring::default_provider()),
    );
    let name = "lab.example".try_into().unwrap();
    let verified = verifier.build().unwrap().verify_server_cert(
        &leaf.certificate,
        &[],
        &name,
        &[],
        UnixTime::since_unix_epoch(NOW),
    );
    verified.unwrap();

    remove();
    fs::remove_file(folder.path().join("ca.key")).unwrap();
    assert!(!store.ensure(&names(), NOW).unwrap(), "nobody can sign one");
    assert!(store.identity().unwrap().p256.is_none());
}

#[test]
fn a_missing_shared_key_is_created_beside_certificates_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.ensure(&names(), NOW).unwrap();
    let certificate = fs::read(folder.path().join("server.pem")).unwrap();
    let key = fs::read_to_string(store.shared_key_file()).unwrap();
    key.parse::<SharedKey>().unwrap();
    fs::remove_file(store.shared_key_file()).unwrap();
    assert!(!store.ensure(&names(), NOW).unwrap(), "no new certificates");
    assert_ne!(fs::read_to_string(store.shared_key_file()).unwrap(), key);
    assert_eq!(fs::read(folder.path().join("server.pem")).unwrap(), certificate);
}
