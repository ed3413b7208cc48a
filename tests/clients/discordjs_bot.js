// A throwaway bot on an unmodified discord.js: one command with progress, a picture, a button, a modal.
const {
  ActionRowBuilder, AttachmentBuilder, ButtonBuilder, ButtonStyle, Client, Events, GatewayIntentBits,
  MessageFlags, ModalBuilder, SlashCommandBuilder, TextInputBuilder, TextInputStyle,
} = require('discord.js');

const client = new Client({
  intents: [GatewayIntentBits.Guilds],
  rest: { api: process.env.LIMNER_DISCORD_API.replace(/\/v10$/, '') },
});

client.once(Events.ClientReady, async () => {
  const draw = new SlashCommandBuilder().setName('draw').setDescription('Draw a dot')
    .addStringOption((option) => option.setName('prompt').setDescription('p').setRequired(true));
  await client.application.commands.set([draw]);
});

client.on(Events.InteractionCreate, async (interaction) => {
  if (interaction.isChatInputCommand()) {
    await interaction.deferReply();
    await interaction.editReply('50 %');
    const row = new ActionRowBuilder().addComponents(
      new ButtonBuilder().setCustomId('j:one').setLabel('ONE').setStyle(ButtonStyle.Primary),
      new ButtonBuilder().setCustomId('j:ask').setLabel('ASK').setStyle(ButtonStyle.Secondary),
    );
    await interaction.channel.send({
      content: `${interaction.user} ${interaction.options.getString('prompt')}`,
      files: [new AttachmentBuilder(Buffer.from(process.env.DOT, 'hex'), { name: 'dot.png' })],
      components: [row],
      allowedMentions: { users: [interaction.user.id] },
    });
    await interaction.editReply('done');
  } else if (interaction.isButton() && interaction.customId === 'j:one') {
    await interaction.reply({ content: `one by ${interaction.user.username}`, flags: MessageFlags.Ephemeral });
  } else if (interaction.isButton()) {
    const field = new TextInputBuilder().setCustomId('words').setLabel('Words').setStyle(TextInputStyle.Short);
    await interaction.showModal(new ModalBuilder().setCustomId('j:modal').setTitle('A question')
      .addComponents(new ActionRowBuilder().addComponents(field)));
  } else if (interaction.isModalSubmit()) {
    await interaction.reply(`said ${interaction.fields.getTextInputValue('words')}`);
  }
});

client.login(process.env.LIMNER_TOKEN);
