// Verify webhook signatures (Standard Webhooks). Copy this file; it needs .NET 6 and nothing else.
#nullable enable
using System;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

/// <summary>The request is not from whom it seems to be, or is too old: answer 401.</summary>
public sealed class InvalidSignatureException : Exception
{
    public InvalidSignatureException(string message) : base(message) { }
}

public static class WebhookSignature
{
    private const long ToleranceSeconds = 300;

    /// <summary>
    /// Throws InvalidSignatureException unless whoever knows the secret signed the body just now.
    /// The first three texts are the request's headers webhook-id, webhook-timestamp and webhook-signature, null where
    /// there is none; the body is the bytes as they came.
    /// </summary>
    public static void Verify(
        string? id, string? timestamp, string? signatures, byte[] body, string secret, DateTimeOffset now)
    {
        if (string.IsNullOrEmpty(id) || string.IsNullOrEmpty(signatures)
            || !long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds))
        {
            throw new InvalidSignatureException("a webhook header is missing or malformed");
        }
        long distance = now.ToUnixTimeSeconds() - seconds;
        if (distance > ToleranceSeconds || distance < -ToleranceSeconds)
        {
            throw new InvalidSignatureException("webhook-timestamp is more than five minutes from now");
        }
        const string prefix = "whsec_";
        string encodedKey = secret.StartsWith(prefix, StringComparison.Ordinal) ? secret.Substring(prefix.Length) : secret;
        byte[] content = Encoding.UTF8.GetBytes($"{id}.{timestamp}.").Concat(body).ToArray();
        byte[] mac = HMACSHA256.HashData(Convert.FromBase64String(encodedKey), content);
        byte[] expected = Encoding.ASCII.GetBytes("v1," + Convert.ToBase64String(mac));
        // There are two while a secret is being replaced.
        bool fits = signatures.Split(' ')
            .Any(one => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), expected));
        if (!fits)
        {
            throw new InvalidSignatureException("no webhook-signature fits the body");
        }
    }
}
