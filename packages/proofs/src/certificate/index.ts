/** `@freehold/proofs/certificate`: who published which bytes when. An entry of its own, so that whoever checks receipts alone loads nothing of it. */
export {
	assembleCertificate,
	type CertificateOptions,
	type CertificateParts,
	type CertificateVerdict,
	type CertifiedFacts,
	certificateState,
	verifyCertificate,
	verifyCertificateText,
} from "./certificate.js";
