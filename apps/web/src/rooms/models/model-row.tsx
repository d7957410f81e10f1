/** A model in one line: what it is, what it costs, what it earned. */
import type { ModelBody } from "@freehold/protocol";
import { Link } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { Amount, Count, Hash } from "../../design/values.js";

function bySize({ perInputUnit, perOutputUnit }: NonNullable<ModelBody["latest"]>): boolean {
	return perInputUnit !== "0" || perOutputUnit !== "0";
}

export function ModelRow({ model, compact }: { readonly model: ModelBody; readonly compact?: boolean }): ReactElement {
	const [namespace = "", name = ""] = model.model.split("/");
	return (
		<div className="relative flex h-full items-center gap-x-6 px-4 py-3 text-small hover:bg-sunken/70">
			<div className="min-w-0 flex-1">
				<Link to="/models/$namespace/$name" params={{ namespace, name }} className="font-semibold no-underline after:absolute after:inset-0 hover:underline">
					<span className="block truncate">{model.model}</span>
				</Link>
				<div className="truncate text-fine text-soft">{model.title ?? model.task ?? "no title"}</div>
			</div>
			{!compact && (
				<>
					<div className="relative hidden w-36 md:block">
						<Hash value={model.owner} label="owner" />
						<div className="px-0.5 text-fine text-soft">owner</div>
					</div>
					<div className="hidden w-28 text-right sm:block">
						<Amount value={model.gross} className="font-medium" />
						<div className="text-fine text-soft">
							<Count value={model.calls} unit={["call", "calls"]} />
						</div>
					</div>
				</>
			)}
			<div className="w-28 text-right">
				{model.latest === undefined ? (
					<span className="text-soft">retired</span>
				) : (
					<>
						<Amount value={model.latest.perCall} className="font-semibold" />
						<div className="text-fine text-soft">{bySize(model.latest) ? "a call, and by size" : "a call"}</div>
					</>
				)}
			</div>
		</div>
	);
}
