//! Certificate files: reading, describing, and atomic writing.

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::CertsError;
use crate::unit::file;

/// A certificate's main fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The file.
    pub file: PathBuf,
    /// The subject.
    pub subject: String,
    /// The subject alternative names: host names and addresses.
    pub names: Vec<String>,
    /// The end of validity, as time since the Unix epoch.
    pub expires: Duration,
}

/// Reads the CA certificates of a PEM file.
///
/// Returns an error if the file cannot be read or holds no valid CA certificate.
pub fn roots(path: &Path) -> Result<Arc<RootCertStore>, CertsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(path)? {
        roots.add(certificate).map_err(|e| CertsError::content("CA certificate", path, e))?;
    }
    Ok(Arc::new(roots))
}

/// Reads all certificates of a PEM file, which must hold at least one.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertsError> {
    let pem = fs::read(path).map_err(|e| CertsError::file("read", path, e))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|e| CertsError::content("certificate", path, e))?;
    if certificates.is_empty() {
        return Err(CertsError::content("certificate", path, "the file holds none"));
    }
    Ok(certificates)
}

/// Reads the private key of a PEM file.
pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertsError> {
    let pem = fs::read(path).map_err(|e| CertsError::file("read", path, e))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|e| CertsError::content("private key", path, e))
}

/// Describes the first certificate of a PEM file.
pub(super) fn describe(path: &Path) -> Result<Description, CertsError> {
    let certificates = read_certificates(path)?;
    let first = certificates.first().map(|der| der.as_ref()).unwrap_or_default();
    let (_, certificate) =
        X509Certificate::from_der(first).map_err(|e| CertsError::content("certificate", path, e))?;
    let alternative_names = certificate.subject_alternative_name().ok().flatten();
    let names = alternative_names
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => format_address(bytes),
            _ => None,
        })
        .collect();
    let expires = certificate.validity().not_after.timestamp();
    Ok(Description {
        file: path.to_owned(),
        subject: certificate.subject().to_string(),
        names,
        expires: Duration::from_secs(u64::try_from(expires).unwrap_or(0)),
    })
}

fn format_address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| Ipv6Addr::from(v6).to_string())
}

/// Writes a file atomically. It is created with `mode`, so a key is never readable by others.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CertsError> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let written = file::create(&draft, mode)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|e| {
        let _ = fs::remove_file(&draft);
        CertsError::file("write", path, e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_file_and_the_operation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty.pem");
        let error = roots(&path).unwrap_err().to_string();
        assert!(error.contains("cannot read") && error.contains("empty.pem"), "{error}");
        fs::write(&path, "nothing").unwrap();
        let error = roots(&path).unwrap_err().to_string();
        assert!(error.contains("cannot read a certificate from") && error.contains("empty.pem"), "{error}");
        let error = read_key(&path).unwrap_err().to_string();
        assert!(error.contains("cannot read a private key from") && error.contains("empty.pem"), "{error}");
    }
}
