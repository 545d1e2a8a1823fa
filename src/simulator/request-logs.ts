import { randomUUID } from 'node:crypto'

/** One logged REST call of a user (facts 8). */
export interface LogEntry {
  readonly requestLogId: string
  readonly atMs: number
  readonly method: string
  readonly target: string
  readonly operation: string
  readonly status: number
  readonly traceToken: string
}

interface Diary {
  isOn: boolean
  most: number
  entries: LogEntry[]
}

/** Entries a user has, then the logging switches itself off (facts 8). */
export const MOST_ENTRIES = 50

export function makeRequestLogs() {
  const diaries = new Map<string, Diary>()
  const diaryOf = (userId: string): Diary => {
    const diary = diaries.get(userId) ?? { isOn: false, most: MOST_ENTRIES, entries: [] }
    diaries.set(userId, diary)
    return diary
  }
  return {
    diaryOf,
    note(userId: string, entry: Omit<LogEntry, 'requestLogId'>): void {
      const diary = diaries.get(userId)
      if (!diary?.isOn) return
      diary.entries.push({ requestLogId: randomUUID(), ...entry })
      if (diary.entries.length >= diary.most) diary.isOn = false
    },
  }
}

export type RequestLogs = ReturnType<typeof makeRequestLogs>
