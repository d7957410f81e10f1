/** `fetch` that tells how far an upload is: browsers report that of XMLHttpRequest only. Everything but uploads goes to `fetch` itself. */

type Listener = (sentBytes: number) => void;
const listeners = new Set<Listener>();

/** Gives a function that ends listening. */
export function onUpload(listener: Listener): () => void {
	listeners.add(listener);
	return () => listeners.delete(listener);
}

export function uploadFetch(url: string, init: RequestInit = {}): Promise<Response> {
	return init.method === "PUT" && init.body instanceof Uint8Array ? put(url, init, init.body) : fetch(url, init);
}

function put(url: string, { headers, signal }: RequestInit, body: Uint8Array): Promise<Response> {
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		const abort = (): void => request.abort();
		const end = (work: () => void) => () => {
			signal?.removeEventListener("abort", abort);
			work();
		};
		request.open("PUT", url);
		for (const [name, value] of new Headers(headers)) request.setRequestHeader(name, value);
		request.upload.onprogress = ({ loaded }) => {
			for (const listener of listeners) listener(loaded);
		};
		request.onload = end(() => resolve(new Response(request.responseText, { status: request.status })));
		request.onerror = end(() => reject(new TypeError("the upload broke off")));
		request.onabort = end(() => reject(signal?.reason ?? new DOMException("aborted", "AbortError")));
		if (signal?.aborted === true) return reject(signal.reason);
		signal?.addEventListener("abort", abort, { once: true });
		request.send(body as Uint8Array<ArrayBuffer>);
	});
}
