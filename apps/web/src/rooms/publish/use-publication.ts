/** Publishing what the form says, step by step. After a failure the same call goes on where it stopped. */
import type { Published, PublishProgress } from "@freehold/sdk";
import { type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { requireAccount } from "../../account/starting.js";
import { freeholdOf } from "../../network/freehold.js";
import { networkQuery } from "../../network/queries.js";
import { onUpload } from "../../network/upload-fetch.js";
import type { CheckedDraft } from "./check-draft.js";
import { type Draft, dropDraft, dropUnfinished, keepUnfinished, tagsOf } from "./draft.js";
import type { Inspected } from "./inspect-file.js";

export type Stage = PublishProgress["step"];

export interface Publication {
	/** Undefined before the first step. */
	readonly stage: Stage | undefined;
	/** Bytes of the upload. */
	readonly sent: { readonly done: number; readonly total: number };
	readonly work: UseMutationResult<Published, Error, { readonly draft: Draft; readonly checked: CheckedDraft; readonly file: Inspected }>;
	readonly reset: () => void;
}

export function usePublication(): Publication {
	const [stage, setStage] = useState<Stage>();
	const [sent, setSent] = useState({ done: 0, total: 0 });
	const client = useQueryClient();
	const work: Publication["work"] = useMutation({
		mutationFn: async ({ draft, checked: { price, parents, leastBps = 0, leastPerCall = 0n }, file }) => {
			if (price === undefined) throw new Error("The form is not complete.");
			await requireAccount();
			const freehold = await freeholdOf(await client.ensureQueryData(networkQuery));
			let base = 0;
			const stop = onUpload((bytesSent) => setSent((before) => ({ ...before, done: base + bytesSent })));
			try {
				return await freehold.publish({
					name: draft.name,
					version: draft.version,
					model: file.model,
					price,
					licence: draft.licence.trim(),
					parents: parents.map(({ release, bps }) => ({ release, bps: bps ?? 0 })),
					terms: { leastBps, leastPerCall },
					...(draft.title.trim() === "" ? {} : { title: draft.title.trim() }),
					...(draft.task.trim() === "" ? {} : { task: draft.task.trim() }),
					...(draft.card.trim() === "" ? {} : { card: draft.card }),
					tags: tagsOf(draft),
					progress: (progress) => {
						setStage(progress.step);
						if (progress.step !== "uploading") return;
						keepUnfinished({ fileName: file.fileName, bytes: file.sizeBytes });
						base = progress.doneBytes;
						setSent({ done: progress.doneBytes, total: progress.totalBytes });
					},
				});
			} finally {
				stop();
			}
		},
		onSuccess: () => {
			dropDraft();
			dropUnfinished();
			void client.invalidateQueries({ queryKey: ["models"] });
			void client.invalidateQueries({ queryKey: ["model"] });
			void client.invalidateQueries({ queryKey: ["balance"] });
		},
	});
	return {
		stage,
		sent,
		work,
		reset: () => {
			work.reset();
			setStage(undefined);
		},
	};
}
