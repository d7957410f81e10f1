/** The end of a publication: whose it is now, and where. */
import type { Published } from "@freehold/sdk";
import { Link } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { Button, buttonClass } from "../../design/button.js";
import { Amount, Hash } from "../../design/values.js";

export function Done({ published, again }: { readonly published: Published; readonly again: () => void }): ReactElement {
	const [path = ""] = published.model.split("@");
	const [namespace = "", name = ""] = path.split("/");
	return (
		<div className="rise sheet rounded-card bg-field-wash px-6 py-12 text-center" data-testid="published">
			<h1 className="text-head font-bold">{published.model} is yours</h1>
			<p className="mx-auto mt-3 max-w-md">
				Anybody can ask it now
				{published.quote.charge !== undefined && (
					<>
						{" "}
						for <Amount value={published.quote.charge} />
					</>
				)}
				. What it earns is credited to you within one batch.
			</p>
			<p className="mt-3 flex flex-wrap justify-center gap-x-4 text-small">
				<span>
					Release <Hash value={published.release} label="release id" />
				</span>
				{published.transaction && (
					<span>
						Transaction <Hash value={published.transaction} label="transaction" />
					</span>
				)}
			</p>
			<div className="mt-6 flex flex-wrap justify-center gap-3">
				{published.quote.unit.output === "outputToken" && (
					<Link to="/chat" search={{ model: path }} className={buttonClass("solid")}>
						Talk to it
					</Link>
				)}
				<Link
					to="/models/$namespace/$name"
					params={{ namespace, name }}
					className={buttonClass(published.quote.unit.output === "outputToken" ? "outline" : "solid")}
				>
					See it
				</Link>
				<Button onClick={again}>Publish another</Button>
			</div>
		</div>
	);
}
