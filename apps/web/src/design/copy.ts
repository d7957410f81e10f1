/** Copying, and saying for a moment that it was done. */
import { useEffect, useState } from "react";

const SAID_MS = 1_600;

export function useCopy(): readonly [copied: boolean, copy: (text: string) => void] {
	const [copied, setCopied] = useState(false);
	useEffect(() => {
		if (!copied) return;
		const timer = setTimeout(() => setCopied(false), SAID_MS);
		return () => clearTimeout(timer);
	}, [copied]);
	return [copied, (text) => void copyText(text).then(() => setCopied(true))];
}

/** Where the page is not in a secure context, browsers offer the older way only. */
async function copyText(text: string): Promise<void> {
	if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
	const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "sr-only" });
	document.body.append(field);
	field.select();
	document.execCommand("copy");
	field.remove();
}
