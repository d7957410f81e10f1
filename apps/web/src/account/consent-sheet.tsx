/** The question before a signature. What it says is read from the data that is signed. */
import type { ReactElement } from "react";
import { Button } from "../design/button.js";
import { Facts, More } from "../design/parts.js";
import { Sheet } from "../design/sheet.js";
import { Hash } from "../design/values.js";
import type { Question } from "./consent.js";

export function ConsentSheet({ question: { explanation, answer } }: { readonly question: Question }): ReactElement {
	const { title, sentences, rows, document, raw, yes } = explanation;
	return (
		<Sheet open title={title} onClose={() => answer(false)}>
			<div className="flex flex-col gap-2.5 text-small">
				{sentences.map((sentence) => (
					<p key={sentence}>{sentence}</p>
				))}
			</div>
			{document && (
				<pre
					role="region"
					className="mt-4 max-h-64 overflow-auto rounded-lg bg-sunken p-3 font-mono text-fine whitespace-pre-wrap"
					tabIndex={0}
					aria-label={document.label}
				>
					{document.text}
				</pre>
			)}
			<Facts
				className="mt-4 rounded-lg bg-sunken px-3.5 py-1"
				rows={rows.map(([label, value, exact]) => [
					label,
					exact !== undefined && /^0x[0-9a-f]{40,}$/i.test(exact) ? (
						<Hash key={label} value={exact} label={label} />
					) : (
						<span key={label} data-exact={exact} className="font-medium">
							{value}
							{exact !== undefined && <span className="sr-only"> ({exact})</span>}
						</span>
					),
				])}
			/>
			<div className="mt-3">
				<More summary="The data that is signed">
					<pre role="region" className="max-h-48 overflow-auto rounded-lg bg-sunken p-3 font-mono text-fine" tabIndex={0} aria-label="Data that is signed">
						{raw}
					</pre>
				</More>
			</div>
			<div className="mt-5 flex flex-wrap justify-end gap-2.5">
				<Button kind="quiet" onClick={() => answer(false)}>
					Do not sign
				</Button>
				<Button kind="solid" onClick={() => answer(true)}>
					{yes}
				</Button>
			</div>
		</Sheet>
	);
}
