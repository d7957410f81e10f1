export function Models(): null { return null; }
