/** `GET /v1/models` (OpenAI API reference, "List models"). */

export interface ListedModel {
	/** `namespace/name`. */
	readonly name: string;
	/** Unix seconds. */
	readonly createdAt: number;
	readonly owner: string;
}

export function modelBody({ name, createdAt, owner }: ListedModel): unknown {
	return { id: name, object: "model", created: createdAt, owned_by: owner };
}

export function modelListBody(models: readonly ListedModel[]): unknown {
	return { object: "list", data: models.map(modelBody) };
}
