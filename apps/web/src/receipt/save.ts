/** A receipt as a file on the person's own disk. */
import { formatReceiptFile, type ReceiptFile } from "@freehold/protocol";

export function saveReceipt(file: ReceiptFile): void {
	saveText(`${file.order.callId.slice(2, 10)}.receipt.json`, formatReceiptFile(file), "application/vnd.freehold.receipt+json");
}

export function saveText(name: string, text: string, type: string): void {
	const url = URL.createObjectURL(new Blob([text], { type }));
	const link = document.createElement("a");
	link.href = url;
	link.download = name;
	link.click();
	// The download holds the bytes by then.
	setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
