/** Finds the route of a request. A literal segment beats a parameter; the longest literal prefix decides. */
import type { Route } from "@freehold/protocol";

export interface Match<T> {
	readonly value: T;
	readonly params: Readonly<Record<string, string>>;
}

export type Lookup<T> = { readonly found: Match<T> } | { readonly allowed: readonly string[] } | undefined;

interface Branch<T> {
	readonly literals: Map<string, Branch<T>>;
	parameter: Branch<T> | undefined;
	readonly methods: Map<string, { readonly value: T; readonly names: readonly string[] }>;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});
const MAX_SEGMENTS = 32;

export class Router<T> {
	readonly #root: Branch<T> = branch();

	/** Throws when the same method and pattern were added before. */
	add(route: Pick<Route, "method" | "path">, value: T): void {
		let node = this.#root;
		const names: string[] = [];
		for (const segment of segmentsOf(route.path)) {
			if (segment.startsWith(":")) {
				names.push(segment.slice(1));
				node.parameter ??= branch();
				node = node.parameter;
				continue;
			}
			let next = node.literals.get(segment);
			if (next === undefined) {
				next = branch();
				node.literals.set(segment, next);
			}
			node = next;
		}
		if (node.methods.has(route.method)) throw new Error(`the route ${route.method} ${route.path} is bound twice`);
		node.methods.set(route.method, { value, names });
	}

	/** `path` is the raw path of the request line, without the query. Undefined when no route has this path; the methods it has when only the method differs. */
	find(method: string, path: string): Lookup<T> {
		const segments = segmentsOf(path);
		if (segments.length > MAX_SEGMENTS) return undefined;
		const values: string[] = [];
		const node = descend(this.#root, segments, 0, values);
		if (node === undefined) return undefined;
		const entry = node.methods.get(method) ?? (method === "HEAD" ? node.methods.get("GET") : undefined);
		if (entry === undefined) return { allowed: allowedMethods(node) };
		if (entry.names.length === 0) return { found: { value: entry.value, params: NO_PARAMS } };
		const params: Record<string, string> = Object.create(null) as Record<string, string>;
		for (let index = 0; index < entry.names.length; index++) params[entry.names[index] as string] = values[index] as string;
		return { found: { value: entry.value, params } };
	}
}

function descend<T>(node: Branch<T>, segments: readonly string[], depth: number, values: string[]): Branch<T> | undefined {
	const segment = segments[depth];
	if (segment === undefined) return node.methods.size > 0 ? node : undefined;
	const literal = node.literals.get(segment);
	if (literal !== undefined) {
		const found = descend(literal, segments, depth + 1, values);
		if (found !== undefined) return found;
	}
	if (node.parameter === undefined || segment === "") return undefined;
	const value = decode(segment);
	if (value === undefined) return undefined;
	const size = values.length;
	values.push(value);
	const found = descend(node.parameter, segments, depth + 1, values);
	if (found === undefined) values.length = size;
	return found;
}

function segmentsOf(path: string): string[] {
	return path === "/" ? [] : path.slice(1).split("/", MAX_SEGMENTS + 1);
}

function decode(segment: string): string | undefined {
	if (!segment.includes("%")) return segment;
	try {
		return decodeURIComponent(segment);
	} catch {
		return undefined;
	}
}

function allowedMethods<T>(node: Branch<T>): readonly string[] {
	const methods = [...node.methods.keys()];
	return methods.includes("GET") && !methods.includes("HEAD") ? [...methods, "HEAD"] : methods;
}

function branch<T>(): Branch<T> {
	return { literals: new Map(), parameter: undefined, methods: new Map() };
}
