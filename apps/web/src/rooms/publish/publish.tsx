export function Publish(): null { return null; }
