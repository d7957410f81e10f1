/** `freehold model publish --hf OWNER/NAME`: the model, its licence and its card out of a repository. */
import { join } from "node:path";
import { FreeholdError } from "@freehold/protocol";
import { homeOf } from "../client/connect.js";
import type { CommandContext } from "../context.js";
import { confirm } from "../input/prompt.js";
import { download } from "./download.js";
import { type HubLicence, licenceFiles, licenceOf } from "./licence.js";
import { chooseFile, type HubAccess, type HubRepository, hubAccess, lookUp, readText } from "./repository.js";

export interface HubSource {
	/** `OWNER/NAME`. */
	readonly repository: string;
	/** Branch, tag or commit; default `main`. */
	readonly revision: string | undefined;
	/** Path of the model's file; needed where there are several. */
	readonly file: string | undefined;
	/** The publisher has said a licence: the repository's is not asked for. */
	readonly ownLicence: boolean;
}

export interface HubModel extends HubLicence {
	readonly bytes: Uint8Array;
	readonly card?: string;
}

const SHOWN_LICENCE_LINES = 40;

/** Shows what would be published under which licence, asks, and brings the bytes. Throws `licence.declined` without a yes. */
export async function readHubModel(context: CommandContext, { repository: name, revision = "main", file: wanted, ownLicence }: HubSource): Promise<HubModel> {
	const { output, env, signal, yes } = context;
	const access = hubAccess(env, signal);
	const repository = await lookUp(name, revision, access);
	const file = chooseFile(repository, wanted);
	const licence = ownLicence ? {} : licenceOf(name, repository.licence, await licenceText(repository, access));
	output.note(`${name} at ${repository.commit.slice(0, 12)}: ${file.path}, ${file.sizeBytes} bytes`);
	if (!ownLicence) {
		output.note(`licence  ${licence.licence ?? `${repository.licence ?? "its own"}, whose text follows`}`);
		if (licence.licenceText !== undefined) output.note(firstLines(licence.licenceText));
		if (!yes && !(await confirm("Does this licence let you publish the model?", signal)))
			throw new FreeholdError("licence.declined", { model: name, licence: licence.licence ?? "a licence of its own" });
	}
	const bar = output.progress("downloading");
	try {
		const { bytes } = await download(repository, file, access, { folder: join(homeOf(env), "downloads"), progress: bar.update });
		const card = await cardOf(repository, access);
		return { ...licence, bytes, ...(card === undefined ? {} : { card }) };
	} finally {
		bar.stop();
	}
}

async function licenceText(repository: HubRepository, access: HubAccess): Promise<string | undefined> {
	const path = licenceFiles.find((candidate) => repository.files.some((file) => file.path === candidate));
	return path === undefined ? undefined : readText(repository, path, access);
}

/** The repository's card without its table of facts, and where it comes from. */
async function cardOf(repository: HubRepository, access: HubAccess): Promise<string | undefined> {
	const text = await readText(repository, "README.md", access);
	if (text === undefined) return undefined;
	const body = text.replace(/^\uFEFF?---\r?\n[\s\S]*?\r?\n---\r?\n/, "").trim();
	return `${body}\n\n---\nFrom ${access.endpoint}/${repository.name} at commit ${repository.commit}.\n`;
}

function firstLines(text: string): string {
	const lines = text.trimEnd().split("\n");
	const rest = lines.length - SHOWN_LICENCE_LINES;
	return [...lines.slice(0, SHOWN_LICENCE_LINES), ...(rest > 0 ? [`… and ${rest} lines more`] : [])].join("\n");
}
