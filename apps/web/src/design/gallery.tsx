export function Gallery(): null { return null; }
