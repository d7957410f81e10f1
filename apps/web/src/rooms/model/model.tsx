export function Model(): null { return null; }
