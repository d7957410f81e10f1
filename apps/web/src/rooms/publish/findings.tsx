/** What the file itself says, looked at in this tab. */
import { formatShape, type OnnxModel } from "@freehold/protocol";
import type { ReactElement } from "react";
import { Facts } from "../../design/parts.js";
import { Note } from "../../design/states.js";
import { Hash } from "../../design/values.js";
import { bytes, groups } from "../../format/amount.js";

export interface Inspected {
	readonly fileName: string;
	readonly bytes: Uint8Array<ArrayBuffer>;
	readonly sha256: string;
	readonly onnx: OnnxModel;
}

export function Findings({ file: { onnx, sha256, bytes: data } }: { readonly file: Inspected }): ReactElement {
	return (
		<div className="rise mt-4 grid grid-cols-1 items-start gap-x-10 md:grid-cols-2" data-testid="findings">
			<Facts
				rows={[
					[
						"Size",
						<span key="s" data-exact={`${data.length} bytes`}>
							{bytes(data.length)}
						</span>,
					],
					["SHA-256", <Hash key="h" value={sha256} label="SHA-256" />],
					["Parameters", groups(onnx.parameters)],
					["Made by", `${onnx.producer.name || "unknown"} ${onnx.producer.version}`],
				]}
			/>
			<Facts
				rows={[
					...onnx.inputs.map(
						({ name, dtype, shape }) =>
							[
								`Takes ${name}`,
								<code key={name} className="font-mono text-fine">
									{dtype} {formatShape(shape)}
								</code>,
							] as const,
					),
					...onnx.outputs.map(
						({ name, dtype, shape }) =>
							[
								`Gives ${name}`,
								<code key={name} className="font-mono text-fine">
									{dtype} {formatShape(shape)}
								</code>,
							] as const,
					),
				]}
			/>
			{onnx.random && (
				<Note tone="warn" className="mt-3 md:col-span-2">
					It draws random numbers, so two runs may differ. It can be asked, and never bit-exact.
				</Note>
			)}
		</div>
	);
}
