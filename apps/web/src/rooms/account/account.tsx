export function AccountRoom(): null { return null; }
