//! Attestation documents of Nitro enclaves, for the contract at `0x…900` (`contracts/solidity/pipe/TeeVerifier.sol`): a COSE_Sign1 (RFC 9052) by ES384 over a
//! CBOR map, certificates up to a given root, all judged at the block's time. What does not hold is false, never a failure; the rules are OpenGradient's.

mod cbor;
mod certificate;

use base64ct::{Base64, Encoding};
use cbor::Reader;
use certificate::Certificate;
use p384::ecdsa::Signature;
use revm::primitives::{keccak256, B256};
use sha2::{Digest, Sha256};

/// `verifyAttestation(bytes,bytes,bytes,bytes)`
pub const SELECTOR: [u8; 4] = [0xf7, 0xcf, 0x40, 0xd3];

/// Root of all Nitro enclaves; its SHA-256 is 641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b, as Amazon publishes it.
const NITRO_ROOT: &[u8] = include_bytes!("attestation/nitro-root.der");

const MAX_DOCUMENT: usize = 16 << 10;
const MAX_CERTIFICATE: usize = 8 << 10;
const MAX_KEY: usize = 8 << 10;
/// Entries of a document; Nitro's has nine.
const MAX_FIELDS: usize = 16;
/// Of the certificates that a document carries. Nitro's has four.
const MAX_BUNDLE: usize = 16;
/// Signatures that are checked for one document: its own, and those of certificates. Nitro's need five; no gas buys more time here than in a pairing.
const MAX_SIGNATURES: usize = 6;
const MAX_REGISTERS: u64 = 32;
/// A register that is longer leaves the document valid and the hash zero.
const MAX_REGISTER: usize = 64;

const EARLIEST_MS: u64 = 1_738_281_600_000;
const MAX_AGE_S: u64 = 300;
const MAX_AHEAD_S: u64 = 60;

/// `alg: ES384` as the one entry of a protected header: -35, which CBOR writes as 34.
const ALGORITHM: (u64, u64) = (1, 34);
/// Two hashes, each behind two bytes that say which kind.
const USER_DATA: usize = 68;

pub struct Arguments<'a> {
    document: &'a [u8],
    signing_key: &'a [u8],
    tls_certificate: &'a [u8],
    root: &'a [u8],
}

impl<'a> Arguments<'a> {
    /// Reads what stands behind the selector; none when it is no encoding of four byte strings.
    pub fn read(data: &'a [u8]) -> Option<Self> {
        let argument = |index: usize| {
            let at = number(data, 32 * index)?;
            let length = number(data, at)?;
            data.get(at.checked_add(32)?..)?.get(..length)
        };
        Some(Self { document: argument(0)?, signing_key: argument(1)?, tls_certificate: argument(2)?, root: argument(3)? })
    }

    /// The hash of the registers when everything holds at `now`, Unix seconds.
    pub fn verify(&self, now: u64) -> Option<B256> {
        let filled = |bytes: &[u8], most: usize| (1..=most).contains(&bytes.len());
        if !filled(self.document, MAX_DOCUMENT)
            || !filled(self.signing_key, MAX_KEY)
            || !filled(self.tls_certificate, MAX_CERTIFICATE)
            || self.root.len() > MAX_CERTIFICATE
        {
            return None;
        }
        let signed = Signed::read(self.document)?;
        let document = Document::read(signed.payload)?;
        // What costs least comes first; the order does not change the answer.
        if !document.is_fresh(now) || !document.binds(self.tls_certificate, self.signing_key) {
            return None;
        }
        let decoded = if self.root.is_empty() { NITRO_ROOT.to_vec() } else { certificate_of_pem(self.root)? };
        let root = Certificate::read(&decoded)?;
        let leaf = Certificate::read(document.certificate)?;
        let bundle = document.bundle.iter().map(|der| Certificate::read(der)).collect::<Option<Vec<_>>>()?;
        (is_chained(&leaf, &bundle, &root, now) && leaf.verifies(&signed.message(), &signed.signature)).then(|| document.registers_hash())
    }
}

/// A word of the ABI that is a place or a length.
fn number(data: &[u8], at: usize) -> Option<usize> {
    let (high, low) = data.get(at..at.checked_add(32)?)?.split_at(28);
    high.iter().all(|byte| *byte == 0).then(|| low.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// COSE_Sign1 without its tag.
struct Signed<'a> {
    protected: &'a [u8],
    payload: &'a [u8],
    signature: Signature,
}

impl<'a> Signed<'a> {
    fn read(document: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(document);
        let mut parts = reader.array()?;
        let mut another = |reader: &mut Reader| parts.next(reader);
        another(&mut reader)?.then_some(())?;
        let protected = reader.bytes()?;
        another(&mut reader)?.then_some(())?;
        let mut unprotected = reader.map()?;
        while unprotected.next(&mut reader)? {
            reader.skip()?;
            reader.skip()?;
        }
        another(&mut reader)?.then_some(())?;
        let payload = reader.bytes()?;
        another(&mut reader)?.then_some(())?;
        let signature = reader.bytes()?;
        if another(&mut reader)? {
            return None;
        }
        reader.end()?;
        let mut header = Reader::new(protected);
        let mut entries = header.map()?;
        if !entries.next(&mut header)? || (header.unsigned()?, header.negative()?) != ALGORITHM || entries.next(&mut header)? {
            return None;
        }
        header.end()?;
        Some(Self { protected, payload, signature: Signature::from_slice(signature).ok()? })
    }

    /// What is signed: `["Signature1", protected, h'', payload]`.
    fn message(&self) -> Vec<u8> {
        let mut message = b"\x84\x6aSignature1".to_vec();
        cbor::write_bytes(&mut message, self.protected);
        cbor::write_bytes(&mut message, &[]);
        cbor::write_bytes(&mut message, self.payload);
        message
    }
}

#[derive(Default)]
struct Document<'a> {
    timestamp: u64,
    registers: [Option<&'a [u8]>; 3],
    certificate: &'a [u8],
    bundle: Vec<&'a [u8]>,
    user_data: &'a [u8],
}

impl<'a> Document<'a> {
    fn read(payload: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let mut document = Self::default();
        let mut names = Vec::new();
        let mut fields = reader.map()?;
        while fields.next(&mut reader)? {
            let name = reader.text()?;
            if names.contains(&name) || names.len() == MAX_FIELDS {
                return None;
            }
            names.push(name);
            match name {
                "timestamp" => document.timestamp = reader.unsigned()?,
                "pcrs" => document.read_registers(&mut reader)?,
                "certificate" => document.certificate = reader.bytes()?,
                "cabundle" => {
                    let mut items = reader.array()?;
                    while items.next(&mut reader)? {
                        if document.bundle.len() == MAX_BUNDLE {
                            return None;
                        }
                        document.bundle.push(reader.bytes()?);
                    }
                }
                "user_data" => document.user_data = reader.optional_bytes()?,
                "public_key" | "nonce" => reader.optional_bytes().map(|_| ())?,
                "module_id" | "digest" => reader.text().map(|_| ())?,
                _ => reader.skip()?,
            }
        }
        reader.end()?;
        Some(document)
    }

    fn read_registers(&mut self, reader: &mut Reader<'a>) -> Option<()> {
        let mut entries = reader.map()?;
        let mut seen = 0u32;
        while entries.next(reader)? {
            let index = reader.unsigned().filter(|index| *index < MAX_REGISTERS)? as usize;
            if seen & 1 << index != 0 {
                return None;
            }
            seen |= 1 << index;
            let value = reader.bytes()?;
            if let Some(register) = self.registers.get_mut(index) {
                *register = Some(value);
            }
        }
        self.registers.iter().all(Option::is_some).then_some(())
    }

    fn is_fresh(&self, now: u64) -> bool {
        let seconds = self.timestamp / 1_000;
        self.timestamp >= EARLIEST_MS && now.saturating_sub(seconds) <= MAX_AGE_S && seconds.saturating_sub(now) <= MAX_AHEAD_S
    }

    /// Whether the enclave named both: `prefix(2) ‖ SHA-256 of the certificate ‖ prefix(2) ‖ SHA-256 of the key`.
    fn binds(&self, tls_certificate: &[u8], signing_key: &[u8]) -> bool {
        self.user_data.len() == USER_DATA
            && self.user_data[2..34] == Sha256::digest(tls_certificate)[..]
            && self.user_data[36..68] == Sha256::digest(signing_key)[..]
    }

    fn registers_hash(&self) -> B256 {
        let registers: Vec<&[u8]> = self.registers.iter().flatten().copied().collect();
        if registers.iter().any(|register| register.len() > MAX_REGISTER) {
            return B256::ZERO;
        }
        keccak256(registers.concat())
    }
}

/// The one certificate of a PEM text (RFC 7468).
fn certificate_of_pem(text: &[u8]) -> Option<Vec<u8>> {
    let text = core::str::from_utf8(text).ok()?.trim_ascii();
    let body = text.strip_prefix("-----BEGIN CERTIFICATE-----")?.strip_suffix("-----END CERTIFICATE-----")?;
    let letters: String = body.split_ascii_whitespace().collect();
    Base64::decode_vec(&letters).ok()
}

/// Whether certificates of the bundle lead from the leaf to the root, in whatever order they stand. (RFC 5280, §6)
fn is_chained(leaf: &Certificate, bundle: &[Certificate], root: &Certificate, now: u64) -> bool {
    // One is left for the document's own.
    let mut checks = 1;
    let mut issued = |issuer: &Certificate, other: &Certificate, below: usize| {
        if !issuer.holds(now) || !issuer.may_issue(other, below) || checks >= MAX_SIGNATURES {
            return false;
        }
        checks += 1;
        issuer.signed(other)
    };
    let mut left: Vec<&Certificate> = bundle.iter().collect();
    let mut current = leaf;
    for below in 0..=bundle.len() {
        if !current.holds(now) {
            return false;
        }
        if issued(root, current, below) {
            return true;
        }
        let Some(next) = left.iter().position(|candidate| issued(candidate, current, below)) else { return false };
        current = left.swap_remove(next);
    }
    false
}
