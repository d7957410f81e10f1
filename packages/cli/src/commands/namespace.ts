/** `freehold namespace …`: whose a name is, taking one, giving one away; and the warning before one that could be taken for another. */
import { FreeholdError, type NamespaceBody } from "@freehold/protocol";
import type { Freehold } from "@freehold/sdk";
import { addressOf } from "../accounts/accounts.js";
import { connectMember, connectVisitor } from "../client/connect.js";
import type { CommandContext } from "../context.js";
import type { Action } from "../main.js";

export const show: Action = async (context, [namespace = ""]) => {
	const { freehold } = await connectVisitor(context);
	const shown = await freehold.namespaces.show(namespace, { signal: context.signal });
	context.output.result(shown, () =>
		[shown.owner === undefined ? `${namespace} is free` : `${namespace} belongs to ${shown.owner}`, ...likenesses(shown)].join("\n"),
	);
	return 0;
};

export const claim: Action = async (context, [namespace = ""]) => {
	const { freehold } = await connectMember(context);
	await warnOfLookAlikes(context, freehold, namespace);
	const claimed = await freehold.namespaces.claim(namespace, { signal: context.signal });
	context.output.result(claimed, () => `${namespace} is yours`);
	return 0;
};

export const transfer: Action = async (context, [namespace = "", receiver = ""]) => {
	const to = await addressOf(context, receiver);
	const { freehold } = await connectMember(context);
	const given = await freehold.namespaces.transfer(namespace, to, { signal: context.signal });
	context.output.result(given, () => `${namespace} belongs to ${to}. The models in it keep their owners; only adding models is theirs now.`);
	return 0;
};

/** Said before a free namespace is taken. A hub that is away costs the warning, not the work. */
export async function warnOfLookAlikes(context: CommandContext, freehold: Freehold, namespace: string): Promise<void> {
	try {
		const shown = await freehold.namespaces.show(namespace, { signal: context.signal });
		if (shown.owner !== undefined) return;
		for (const line of likenesses(shown)) context.output.note(`${context.output.bad("!")} ${line}`);
	} catch (error) {
		if (!(error instanceof FreeholdError) || context.signal.aborted) throw error;
		if (error.code !== "request.invalid") context.output.note("Nobody could say whether the name looks like another's: the hub does not answer.");
	}
}

function likenesses({ alike }: NamespaceBody): readonly string[] {
	return alike.map(({ namespace, owner, models, calls }) => `It could be taken for ${namespace} of ${owner}, with ${models} models and ${calls} calls`);
}
