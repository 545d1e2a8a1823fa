export interface Limits {
  readonly hourLimit?: number
  readonly hourRemaining?: number
  readonly resetAtSeconds?: number
  readonly burstLimit?: number
  readonly burstRemaining?: number
  readonly dateSeconds?: number
  readonly retryAfterSeconds?: number
}
