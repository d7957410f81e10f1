//! X.509 certificates (RFC 5280) as enclaves have them: DER, keys on P-384, signatures by ECDSA with SHA-384. Others parse, and sign nothing.

use p384::ecdsa::{signature::Verifier, Signature, VerifyingKey};
use x509_cert::der::asn1::{BitStringRef, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::ext::Extension;
use x509_cert::{spki::AlgorithmIdentifierRef, TbsCertificate, Version};

const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
/// Subject and authority key identifiers, and other names of the subject: they change nothing here.
const HARMLESS: [ObjectIdentifier; 3] =
    [ObjectIdentifier::new_unwrap("2.5.29.14"), ObjectIdentifier::new_unwrap("2.5.29.35"), ObjectIdentifier::new_unwrap("2.5.29.17")];
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const ANY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
/// Bytes of one coordinate, and of one half of a signature.
const HALF: usize = 48;

pub struct Certificate<'a> {
    /// What is signed, as it stands.
    body: &'a [u8],
    signature: Option<Signature>,
    key: Option<VerifyingKey>,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    /// Unix seconds, both included.
    from: u64,
    until: u64,
    authority: Option<BasicConstraints>,
    key_usage: Option<KeyUsage>,
    /// Whether its extensions allow any use of it here.
    usable: bool,
}

impl<'a> Certificate<'a> {
    /// None for what is no certificate, or has anything after it.
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let mut reader = SliceReader::new(der).ok()?;
        let (body, algorithm, signature): (&[u8], AlgorithmIdentifierRef, BitStringRef) =
            reader.sequence(|inner| Ok((inner.tlv_bytes()?, inner.decode()?, inner.decode()?))).ok()?;
        reader.finish(()).ok()?;
        let fields = TbsCertificate::from_der(body).ok()?;
        if fields.signature.to_der().ok()? != algorithm.to_der().ok()? {
            return None;
        }
        let plain = algorithm.oid == ECDSA_WITH_SHA384 && algorithm.parameters.is_none();
        let mut certificate = Self {
            body,
            signature: if plain { signature.as_bytes().and_then(signature_of) } else { None },
            key: key_of(&fields),
            subject: fields.subject.to_der().ok()?,
            issuer: fields.issuer.to_der().ok()?,
            from: fields.validity.not_before.to_unix_duration().as_secs(),
            until: fields.validity.not_after.to_unix_duration().as_secs(),
            authority: None,
            key_usage: None,
            usable: fields.version == Version::V3,
        };
        let extensions = fields.extensions.unwrap_or_default();
        for (index, extension) in extensions.iter().enumerate() {
            if extensions[..index].iter().any(|other| other.extn_id == extension.extn_id) {
                return None;
            }
            certificate.extend(extension)?;
        }
        Some(certificate)
    }

    /// One extension. Critical ones that are not known here forbid the certificate's use (RFC 5280, §4.2), as names that are constrained do.
    fn extend(&mut self, extension: &Extension) -> Option<()> {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            BASIC_CONSTRAINTS => self.authority = Some(BasicConstraints::from_der(value).ok()?),
            KEY_USAGE => self.key_usage = Some(KeyUsage::from_der(value).ok()?),
            EXTENDED_KEY_USAGE => {
                let usages = ExtendedKeyUsage::from_der(value).ok()?;
                self.usable &= usages.0.iter().any(|usage| *usage == SERVER_AUTH || *usage == ANY_USAGE);
            }
            NAME_CONSTRAINTS => self.usable = false,
            other => self.usable &= !extension.critical || HARMLESS.contains(&other),
        }
        Some(())
    }

    /// Whether it holds at this time (Unix seconds), for what it is used for here.
    pub fn holds(&self, now: u64) -> bool {
        self.usable && self.from <= now && now <= self.until
    }

    /// Whether it may have issued `other`, with so many certificates between `other` and the leaf, itself included; but for the signature.
    pub fn may_issue(&self, other: &Certificate, below: usize) -> bool {
        let Some(BasicConstraints { ca: true, path_len_constraint }) = self.authority else { return false };
        path_len_constraint.is_none_or(|most| below <= usize::from(most))
            && self.key_usage.is_none_or(|usage| usage.key_cert_sign())
            && self.subject == other.issuer
    }

    /// Whether its key signed `other`.
    pub fn signed(&self, other: &Certificate) -> bool {
        other.signature.is_some_and(|signature| self.verifies(other.body, &signature))
    }

    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        self.key.is_some_and(|key| key.verify(message, signature).is_ok())
    }
}

/// `SEQUENCE { r INTEGER, s INTEGER }`
fn signature_of(der: &[u8]) -> Option<Signature> {
    let mut reader = SliceReader::new(der).ok()?;
    let (r, s): (UintRef, UintRef) = reader.sequence(|inner| Ok((inner.decode()?, inner.decode()?))).ok()?;
    reader.finish(()).ok()?;
    Signature::from_scalars(half(r)?, half(s)?).ok()
}

fn half(number: UintRef) -> Option<[u8; HALF]> {
    let bytes = number.as_bytes();
    let mut padded = [0; HALF];
    padded.get_mut(HALF.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    Some(padded)
}

/// Its key; none when it is of another kind.
fn key_of(fields: &TbsCertificate) -> Option<VerifyingKey> {
    let info = &fields.subject_public_key_info;
    let curve = info.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok()?;
    if info.algorithm.oid != EC_PUBLIC_KEY || curve != P384 {
        return None;
    }
    let point = info.subject_public_key.as_bytes()?;
    if point.len() != 1 + 2 * HALF {
        return None;
    }
    VerifyingKey::from_sec1_bytes(point).ok()
}
