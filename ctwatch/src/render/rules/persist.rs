//! How rules survive a restart, as lines for people.

/// Of a shell script of iptables commands. Saving all rules that stand would save those of kube-proxy and Docker too.
pub const IPTABLES: &[&str] = &[
    "To keep them after a restart: this file as /usr/local/sbin/ctwatch-notrack.sh, and as",
    "/etc/systemd/system/ctwatch-notrack.service, to be enabled with systemctl enable ctwatch-notrack:",
    "  [Unit]",
    "  Description=Ports that are not tracked",
    "  After=netfilter-persistent.service nftables.service firewalld.service ufw.service",
    "  [Service]",
    "  Type=oneshot",
    "  RemainAfterExit=yes",
    "  ExecStart=/bin/sh /usr/local/sbin/ctwatch-notrack.sh",
    "  [Install]",
    "  WantedBy=multi-user.target",
    "Or with iptables-persistent, where no program writes rules of its own: netfilter-persistent save",
];

/// Of statements for nft.
pub const NFT: &[&str] = &[
    "To keep them after a restart: this file as /etc/nftables.d/ctwatch.nft, and at the end of /etc/nftables.conf:",
    "  include \"/etc/nftables.d/ctwatch.nft\"",
    "then systemctl enable nftables",
];

/// Of Calico's policies, which stay by themselves.
pub const CALICO: &[&str] = &[
    "They need a host endpoint of this node. Automatic ones (kubecontrollersconfiguration default:",
    "controllers.node.hostEndpoint.autoCreate: Enabled) have the node's labels, kubernetes.io/hostname among them, and",
    "let everything else through as before; one made by hand lets through only what policies allow.",
    "Clients on the node itself stay tracked. The policies stay until they are deleted.",
];
