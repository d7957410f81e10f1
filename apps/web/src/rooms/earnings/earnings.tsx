export function Earnings(): null { return null; }
