export function findFirefox(): string | null
export function firefoxLaunchOptions(executablePath: string): {
  readonly channel: string
  readonly executablePath: string
  readonly firefoxUserPrefs: Record<string, boolean | number>
}
