import { describe, expect, it } from "vitest";
import { Router } from "./router.js";

function routerOf(...routes: [method: "GET" | "HEAD" | "POST" | "PUT", path: string][]): (method: string, path: string) => unknown {
	const router = new Router<string>();
	for (const [method, path] of routes) router.add({ method, path }, `${method} ${path}`);
	return (method, path) => {
		const lookup = router.find(method, path);
		if (lookup === undefined) return "none";
		return "found" in lookup ? [lookup.found.value, { ...lookup.found.params }] : lookup.allowed;
	};
}

describe("a route", () => {
	it("with a literal segment beats one with a parameter, and steps back where the literal leads nowhere", () => {
		const find = routerOf(["GET", "/v1/blobs/:blobId"], ["GET", "/v1/blobs/by-sha256/:sha256"], ["GET", "/v1/:kind/list"]);
		expect(find("GET", "/v1/blobs/abc")).toEqual(["GET /v1/blobs/:blobId", { blobId: "abc" }]);
		expect(find("GET", "/v1/blobs/by-sha256/0x12")).toEqual(["GET /v1/blobs/by-sha256/:sha256", { sha256: "0x12" }]);
		expect(find("GET", "/v1/blobs/by-sha256")).toEqual(["GET /v1/blobs/:blobId", { blobId: "by-sha256" }]);
		expect(find("GET", "/v1/models/list")).toEqual(["GET /v1/:kind/list", { kind: "models" }]);
	});

	it("takes an encoded slash as part of a segment", () => {
		const find = routerOf(["GET", "/v1/quotes/:release"]);
		expect(find("GET", "/v1/quotes/base%2Fdigits%401.0")).toEqual(["GET /v1/quotes/:release", { release: "base/digits@1.0" }]);
		expect(find("GET", "/v1/quotes/base/digits")).toBe("none");
		expect(find("GET", "/v1/quotes/%zz")).toBe("none");
		expect(find("GET", "/v1/quotes/")).toBe("none");
	});

	it("answers HEAD where there is only GET, and tells the methods of a path", () => {
		const find = routerOf(["GET", "/a"], ["POST", "/a"], ["HEAD", "/b"]);
		expect(find("HEAD", "/a")).toEqual(["GET /a", {}]);
		expect(find("PUT", "/a")).toEqual(["GET", "POST", "HEAD"]);
		expect(find("GET", "/b")).toEqual(["HEAD"]);
		expect(find("GET", "/")).toBe("none");
	});

	it("gives parameters no special names", () => {
		const find = routerOf(["GET", "/x/:__proto__"]);
		expect(find("GET", "/x/y")).toEqual(["GET /x/:__proto__", Object.fromEntries([["__proto__", "y"]])]);
	});

	it("is bound once", () => {
		expect(() => routerOf(["GET", "/x/:a"], ["GET", "/x/:b"])).toThrow(/bound twice/);
	});

	it("of absurd length is not looked for", () => {
		expect(routerOf(["GET", "/:a"])("GET", "/x".repeat(100_000))).toBe("none");
	});
});
