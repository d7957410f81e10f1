/** `GET /`: what runs here, for people, in plain HTML that asks for nothing else. */
import { formatOpg, type Hex, networkOf } from "@freehold/protocol";
import type { Handler } from "@freehold/service";
import type { Catalogue } from "../catalogue/catalogue.js";
import type { OperatorRecord } from "../store/tables.js";

export interface RootPageModules {
	readonly chainId: number;
	readonly gateway: Hex;
	readonly till: Hex;
	readonly catalogue: Catalogue;
	readonly gatewayFee: bigint;
	readonly rankedNodes: () => readonly OperatorRecord[];
	readonly rpcUrl: string;
	readonly hubUrl: string | undefined;
	readonly storageUrl: string;
	readonly publicUrl: () => string;
	/** Unix milliseconds. */
	readonly now: () => number;
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd}code,pre{font:14px/1.5 ui-monospace,monospace}
pre{background:#f4f4f4;padding:.8rem 1rem;overflow-x:auto}td.n{text-align:right}@media(prefers-color-scheme:dark){body{color:#eee;background:#111}pre{background:#222}th,td{border-color:#333}}`;

/** Models shown at most. */
const SHOWN = 50;

export function rootPage(modules: RootPageModules): Handler {
	return () => ({
		status: 200,
		headers: {
			"content-type": "text/html; charset=utf-8",
			"cache-control": "no-store",
			"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
		},
		body: render(modules),
	});
}

function render(modules: RootPageModules): string {
	const { chainId, gateway, till, rpcUrl, storageUrl, hubUrl, publicUrl } = modules;
	const nodes = modules.rankedNodes();
	const nodeFee = nodes[0]?.nodeFee ?? 0n;
	const served = modules.catalogue.served(Math.floor(modules.now() / 1000));
	const rows = served.slice(0, SHOWN).map(({ name, price }) => {
		const metered = price.perInputUnit > 0n || price.perOutputUnit > 0n;
		const amount = `${formatOpg(price.perCall + nodeFee + modules.gatewayFee)} OPG${metered ? " and by use" : ""}`;
		return `<tr><td><code>${escapeHtml(name)}</code></td><td class="n">${amount}</td></tr>`;
	});
	const roles: readonly (readonly [string, string])[] = [
		["Ledger", rpcUrl],
		["Gateway", publicUrl()],
		["Storage", storageUrl],
		...(hubUrl === undefined ? [] : [["Hub", hubUrl] as const]),
		...nodes.map((node) => ["Inference", node.endpoint] as const),
	];
	return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Freehold</title><style>${style}</style>
<h1>Freehold</h1><p>Models, machines and memories as property. Network <b>${escapeHtml(networkOf(chainId)?.name ?? "unknown")}</b>, chain ${chainId}.</p>
<h2>What runs</h2><table>${roles.map(([role, url]) => `<tr><td>${role}</td><td><code>${escapeHtml(url)}</code></td></tr>`).join("")}</table>
<h2>Models</h2>${
		rows.length === 0
			? "<p>None yet: yours can be the first.</p>"
			: `<table><tr><th>Model</th><th class="n">A call costs</th></tr>${rows.join("")}</table>${served.length > SHOWN ? `<p>and ${served.length - SHOWN} more</p>` : ""}`
	}
<h2>Try</h2><pre>npm run demo
npx freehold infer ${escapeHtml(served[0]?.name.replace(/@.*$/, "") ?? "you/thing")} --input input.json --receipt out.receipt.json
npx freehold model publish ./yours.onnx --name you/thing --price 1</pre>
<p>Payments go to the till <code>${till}</code> of gateway <code>${gateway}</code>: a contract without an owner that pays model owners, nodes and the gateway by rules anyone can read.</p></html>`;
}

function escapeHtml(text: string): string {
	return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
